// `cohort report compare`: label maps of several methods beside image and reference, one picture for each case.

import Files
import MPI
import Reports
import Volumes

/// Writes `case.png` into `output` for every reference.
/// - Parameters:
///   - images, references: folders; the image of a case is `case` or, of several channels, `case_0000`.
///   - predictions: a folder of label maps for each method.
///   - classNames: by label value; labels beyond them are named by their number.
///   - report: the path of each picture as it is written.
/// - Returns: the cases that could not be drawn, and how many there are.
/// Errors: cases without an image or a prediction, all of them listed; pictures in the way that Cohort did not write.
public func drawComparisons(
  images: String, references: String, predictions: [NamedPath], classNames: [String], output: String, report: (String) -> Void
) throws -> (failures: [CaseFailure], count: Int) {
  let truth = try LabelMaps(references), methods = try predictions.map { ($0.name, try LabelMaps($0.path)) }
  try truth.requireAllRead()
  let imageFiles = try LabelMaps(images).byCase(truth.cases)
  for (_, maps) in methods { try maps.require(truth.cases, cure: "predict every case, or remove its reference") }
  func picture(_ identifier: String) -> String { join(output, identifier + ".png") }
  try checkOutputs(truth.cases.map(picture), reading: [], isOwn: isOwnPicture)
  try makeFolder(output)
  let failures = try forEachCase(truth.cases, over: .alone, detail: { $0 }) { identifier in
    let file = truth.paths[identifier]!, reference = try readLabels(file)
    let compared = try methods.map { name, maps in
      let path = maps.paths[identifier]!, labels = try readLabels(path)
      _ = try gridWarnings(
        labels.grid, of: path, reference.grid, of: file, cure: "write the prediction on the image's grid")
      return ComparedPrediction(name: name, labels: labels)
    }
    try writeComparison(
      image: try readVolume(imageFiles[identifier]!), reference: reference, predictions: compared, classNames: classNames,
      to: picture(identifier))
    report(picture(identifier))
  }
  return (failures, truth.cases.count)
}

extension LabelMaps {
  /// The image of each case: the file of its name or, of several channels, that of the first.
  fileprivate func byCase(_ names: [String]) throws(TrainingError) -> [String: String] {
    let found = names.compactMap { name in (paths[name] ?? paths[name + "_0000"]).map { (name, $0) } }
    let images = Dictionary(uniqueKeysWithValues: found)
    try require(names.filter { images[$0] == nil }, cure: "add its image, or remove its reference")
    return images
  }
}
