// What a prediction writes: a label map for each case, on request a picture, names and colours for viewers, and the description of the network. None of
// it takes the place of what a prediction reads, or of a file that no prediction wrote.

import Files
import Foundation
import Reports
import Volumes

/// The folder into which cases are predicted.
public struct PredictionOutput: Sendable {
  public let folder: String
  /// A folder of reference label maps, with which a picture is drawn for each case.
  let references: LabelMaps?
  /// What is written of the probabilities of classes.
  let probabilities: [ProbabilityFiles]

  /// - Parameters:
  ///   - references: a folder of label maps; nil for no pictures.
  ///   - probabilities: files of probabilities beside the label maps.
  public init(folder: String, references: String? = nil, probabilities: [ProbabilityFiles] = []) throws {
    (self.folder, self.probabilities) = (folder, probabilities)
    self.references = try references.map { try LabelMaps($0) }
  }

  func labelMap(_ identifier: String) -> String { join(folder, identifier + ".nii.gz") }
  func picture(_ identifier: String) -> String { join(folder, identifier + ".png") }
  var description: String { join(folder, ModelDescription.fileName) }
  /// Names and colours of the classes: for ITK-SNAP and for 3D Slicer.
  private var labelTables: [String] { ["labels-itksnap.txt", "labels-slicer.ctbl"].map { join(folder, $0) } }
  private var estimates: String { join(folder, QualityTable.name) }

  /// Refuses, before anything is written, to take the place of an input or of somebody else's file. Label maps are replaced if they are predictions
  /// that nobody has changed, in a folder of predictions.
  /// - Parameters:
  ///   - input: the file or folder of the images.
  ///   - estimatesQuality: whether a table of estimates is written.
  public func check(_ cases: [RawCase], input: String, estimatesQuality: Bool = false) throws {
    for (path, what) in [(input, "images"), (references?.path ?? "", "references")]
    where isFolder(path) && isSamePlace(path, folder) {
      throw TrainingError("\(folder) is the folder of the \(what), so no label map is written into it: choose another --output.")
    }
    let names = cases.map(\.identifier), isRecord = ModelDescription(predictions: folder) != nil
    for files in probabilities {
      guard !isSamePlace(files.folder, folder) else {
        throw TrainingError(
          "\(folder) is for label maps, so probabilities need another folder: name one with \(files.format.option).")
      }
    }
    try checkOutputs(
      [description] + labelTables + names.map(labelMap) + (references == nil ? [] : names.map(picture))
        + (estimatesQuality ? [estimates] : []) + probabilities.flatMap { names.map($0.path) },
      reading: cases.flatMap(\.images) + (references?.paths.values.map { $0 } ?? [])
    ) { path in
      if path == estimates { return QualityTable.isOwn(path) }
      return path.hasSuffix(".png")
        ? isOwnPicture(path) : isRecord && (path == description || labelTables.contains(path) || isUnchangedPrediction(path))
    }
  }

  /// Makes the folder and writes what predicts into it.
  func open(_ model: ModelDescription) throws {
    do {
      try makeFolder(folder)
      try writeDurably(Array(model.json.utf8), to: description)
      let tables = [labelDescriptionOfITKSNAP(model.classNames), colorTableOfSlicer(model.classNames)]
      for (path, table) in zip(labelTables, tables) { try writeDurably(Array(table.utf8), to: path) }
    } catch { throw TrainingError("\(error)", exitCode: 79) }
  }

  /// Writes the estimates of all cases.
  func write(_ table: QualityTable) throws {
    do { try writeDurably(Array(table.csv.utf8), to: estimates) } catch { throw TrainingError("\(error)", exitCode: 79) }
  }

  private func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}
