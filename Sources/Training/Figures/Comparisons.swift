// `cohort report compare`: label maps of several methods beside image and reference, one picture for each case.

import Reports
import Volumes

/// Writes `case.png` into `output` for every reference.
/// - Parameters:
///   - images, references: folders; the image of a case is `case` or, of several channels, `case_0000`.
///   - predictions: a folder of label maps for each method.
///   - classNames: by label value; labels beyond them are named by their number.
///   - report: the path of each picture as it is written.
public func drawComparisons(
  images: String, references: String, predictions: [NamedPath], classNames: [String], output: String, report: (String) -> Void
) throws {
  let imageFiles = try labelFiles(images), methods = try predictions.map { ($0, try labelFiles($0.path)) }
  try makeFolder(output)
  for (identifier, file) in try labelFiles(references).sorted(by: { $0.key < $1.key }) {
    guard let image = imageFiles[identifier] ?? imageFiles[identifier + "_0000"] else {
      throw TrainingError("\(images) has no image of \(identifier): add it, or remove its reference.")
    }
    let reference = try readLabels(file)
    let compared = try methods.map { method, files in
      guard let path = files[identifier] else {
        throw TrainingError("\(method.path) has no prediction for \(identifier): predict every case, or remove its reference.")
      }
      let labels = try readLabels(path)
      if let difference = sameGrid(labels.grid, reference.grid) {
        throw TrainingError("\(path) and \(file) \(difference): write the prediction on the image's grid.")
      }
      return ComparedPrediction(name: method.name, labels: labels)
    }
    let path = join(output, identifier + ".png")
    try writeComparison(
      image: try readVolume(image), reference: reference, predictions: compared,
      classNames: completed(classNames, for: [reference] + compared.map(\.labels)), to: path)
    report(path)
  }
}
