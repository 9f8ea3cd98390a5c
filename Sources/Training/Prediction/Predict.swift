// `cohort predict`: raw images in, label maps on the same grid out; cases are dealt round to the ranks.

import Cluster
import Foundation
import MPI
import Preparation
import Volumes

/// One raw case: a file for each channel.
public struct RawCase: Sendable, Equatable {
  public let identifier: String
  public let images: [String]
}

/// The cases of a file or folder. With several channels the names end in _0000, _0001, ... as in nnU-Net.
public func rawCases(in path: String, channels: Int) throws(TrainingError) -> [RawCase] {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
    throw TrainingError("there is no file or folder \(path): check --input.")
  }
  let folder = isFolder.boolValue ? path : (path as NSString).deletingLastPathComponent
  let names =
    isFolder.boolValue
    ? ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter(isImage).sorted()
    : [(path as NSString).lastPathComponent]
  guard !names.isEmpty else { throw TrainingError("\(path) holds no .nii or .nii.gz file: check --input.") }
  var cases: [RawCase] = []
  for name in names {
    let stem = imageStem(name) ?? name, channel = Int(stem.suffix(4))
    let isNumbered = stem.count > 5 && stem.dropLast(4).hasSuffix("_") && channel != nil && stem.suffix(4).allSatisfy(\.isNumber)
    guard isNumbered else {
      guard channels == 1 else {
        throw TrainingError(
          "\(name) has no channel number, but the model has \(channels) channels: name files case_0000.nii.gz and so on.")
      }
      cases.append(RawCase(identifier: stem, images: [join(folder, name)]))
      continue
    }
    guard channel == 0 else { continue }
    let ending = name.dropFirst(stem.count), base = stem.dropLast(4)
    let images = (0..<channels).map { join(folder, base + String(format: "%04d", $0) + ending) }
    for image in images where !FileManager.default.fileExists(atPath: image) {
      throw TrainingError("\(image) is missing: the model has \(channels) channels, so every case needs that many files.")
    }
    cases.append(RawCase(identifier: String(base.dropLast()), images: images))
  }
  guard !cases.isEmpty else { throw TrainingError("\(path) holds no file of channel 0 (…_0000.nii.gz): check --input.") }
  return cases
}

/// Predicts every case and writes `identifier.nii.gz` into `output`, on the grid of the first channel's file, and beside them what made them.
/// Predicts cases, which the ranks share out. Collective.
/// - Parameter report: a line for each case this rank has written.
public func predictCases(
  _ cases: [RawCase], model: TrainedModel, segmenter: Segmenter, output: String, over world: borrowing Communicator,
  report: (String) -> Void
) throws {
  let settings = try PreparationSettings(text: model.description.preparation)
  if world.rank == 0 {
    let path = join(output, ModelDescription.fileName)
    do { try Data(model.description.json.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
      throw TrainingError(
        "cannot write \(path) (\(error.localizedDescription)): choose a writable place for --output.", exitCode: 79)
    }
  }
  for (number, item) in cases.enumerated() where number % world.size == world.rank {
    Flight.mark(.prediction, detail: item.identifier)
    let started = ContinuousClock.now
    let prepared = try prepareForPrediction(
      images: item.images, settings: settings, channels: model.description.channelNames.count)
    let labels = restoreLabels(
      scores: segmenter.probabilities(of: prepared), classes: segmenter.classes, extent: prepared.extent,
      spacing: prepared.spacing,
      frame: prepared.frame)
    let path = join(output, item.identifier + ".nii.gz")
    try writeLabels(labels, to: path)
    report("\(path)  \((ContinuousClock.now - started).seconds.formatted(decimals: 1)) s")
  }
}

public func isImage(_ name: String) -> Bool { !name.hasPrefix(".") && (name.hasSuffix(".nii") || name.hasSuffix(".nii.gz")) }

func join(_ folder: some StringProtocol, _ name: some StringProtocol) -> String {
  folder.isEmpty ? String(name) : "\(folder)/\(name)"
}

/// Makes a folder for output, with those above it.
public func makeFolder(_ path: String) throws(TrainingError) {
  do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
    throw TrainingError(
      "cannot make the folder \(path) (\(error.localizedDescription)): choose a writable place for --output.", exitCode: 79)
  }
}
