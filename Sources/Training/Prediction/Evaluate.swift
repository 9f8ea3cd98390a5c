// `cohort evaluate`: label maps against references, file by file.

import Foundation
import Metrics
import Volumes

/// Scores every reference in `references` against the file of the same name in `predictions`.
///
/// - Parameters:
///   - inMillimetres: distances in millimetres by the reference's spacing, else in voxels.
///   - classNames: by label value; labels that occur beyond them are named by their number.
public func evaluatePredictions(
  _ predictions: String, references: String, inMillimetres: Bool, policy: EmptyPolicy, classNames: [String]
) throws -> ScoreTable {
  let files = try labelFiles(references)
  var pairs: [(name: String, prediction: LabelVolume, reference: LabelVolume)] = []
  let predicted = try labelFiles(predictions)
  for name in files.keys.sorted() {
    guard let path = predicted[name] else {
      throw TrainingError("\(predictions) has no prediction for \(files[name]!): predict every case, or remove its reference.")
    }
    let prediction = try readLabels(path), reference = try readLabels(files[name]!)
    if let difference = sameGrid(prediction.grid, reference.grid) {
      throw TrainingError("\(path) and \(files[name]!) \(difference): write the prediction on the image's grid.")
    }
    pairs.append((name, prediction, reference))
  }
  let names = completed(classNames, for: pairs.flatMap { [$0.prediction, $0.reference] })
  guard names.count > 1 else { throw TrainingError("\(references) holds no labelled voxel: nothing can be scored.") }
  var table = ScoreTable(classNames: names, policy: policy, distanceUnit: inMillimetres ? "mm" : "voxels")
  for (name, prediction, reference) in pairs {
    table.add(
      name, prediction: prediction.labels, reference: reference.labels, extent: reference.extent,
      spacing: inMillimetres ? reference.spacing : Spacing(1, 1, 1))
  }
  return table
}

/// Class names by label value, with numbers for labels that occur beyond those given.
func completed(_ classNames: [String], for maps: [LabelVolume]) -> [String] {
  let highest = maps.map { $0.labels.max() ?? 0 }.max() ?? 0
  var names = classNames.isEmpty ? ["background"] : classNames
  while names.count <= Int(highest) { names.append("class \(names.count)") }
  return names
}

/// NIfTI files of a folder by case name, or one file.
func labelFiles(_ path: String) throws(TrainingError) -> [String: String] {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
    throw TrainingError("there is no folder \(path): check the path.")
  }
  guard isFolder.boolValue else { return ["case": path] }
  let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter(isImage)
  guard !names.isEmpty else {
    throw TrainingError("\(path) holds no .nii or .nii.gz file: check the path.")
  }
  return Dictionary(names.map { (imageStem($0) ?? $0, join(path, $0)) }) { first, _ in first }
}
