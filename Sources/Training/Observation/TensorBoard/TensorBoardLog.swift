// RUN/tensorboard: event files for TensorBoard, one for each attempt. An attempt cuts off what those before it have recorded of the steps that
// it will repeat, so that every step is there once. Which files are the run's own, its start events tell.

import Files
import Foundation
import Learning

/// Appends events to the file of this attempt (rank 0).
public final class TensorBoardLog {
  /// The name of the file.
  let name: String
  private let file: RecordFile

  /// Begins the file of an attempt.
  /// - Parameters:
  ///   - run: the run folder.
  ///   - attempt: the number of this start, from 1.
  ///   - stepsDone: what earlier attempts have recorded of later steps is cut off.
  ///   - warn: gets a sentence about files of other runs, which stay as they are.
  init(run: String, attempt: Int, stepsDone: Int, warn: (String) -> Void) throws(FileError) {
    let folder = Self.folder(run)
    name = String(format: "events.out.tfevents.%04d.%ld.cohort", attempt, Int(Date().timeIntervalSince1970))
    try makeFolder(folder)
    let found = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.contains("tfevents") }
    let own = Set(((try? EventLog.read(folder: run).events) ?? []).compactMap(\.tensorBoard))
    for name in found where own.contains(name) {
      try RecordFile.cut("\(folder)/\(name)") { TensorBoardEvent.step(of: $0).map { $0 <= stepsDone } ?? false }
    }
    let others = found.filter { !own.contains($0) }.sorted()
    if !others.isEmpty {
      warn(
        sentence(
          about: others.map { "\(folder)/\($0)" },
          one: "is an event file of another run, and TensorBoard mixes it with this one's",
          many: "files are event files of another run, and TensorBoard mixes them with this one's",
          cure: "move what is not wanted away"))
    }
    file = try RecordFile("\(folder)/\(name)")
    file.append(TensorBoardEvent.version)
    file.append(TensorBoardEvent.start(at: stepsDone + 1))
  }

  static func folder(_ run: String) -> String { run + "/tensorboard" }

  /// Adds the numbers of a line of metrics.jsonl; what is not finite is left out.
  func append(kind: String, step: Int, _ numbers: [String: Double]) {
    var event = TensorBoardEvent(step: step)
    for (name, value) in numbers.sorted(by: { $0.key < $1.key }) where value.isFinite {
      event.add(value, as: Self.tag(kind: kind, name))
    }
    file.append(event.bytes)
  }

  /// Adds how the weights and the averaged gradients of each network are distributed, an array each, and pictures of cases.
  func append(step: Int, _ modules: [ModuleUpdate], _ pictures: [CasePicture]) {
    var event = TensorBoardEvent(step: step)
    for update in modules {
      for parameter in update.module.parameters.parameters where parameter.shape.rank > 1 {
        let range = parameter.offset..<parameter.offset + parameter.shape.count
        for (what, tensor) in [("weights", update.module.parameters.values), ("gradients", update.gradientAverage.average)] {
          let values = UnsafeBufferPointer(start: tensor.pointer, count: tensor.count)
          event.add(
            distribution: UnsafeBufferPointer(rebasing: values[range]), as: "\(what)/\(update.module.name)/\(parameter.name)")
        }
      }
    }
    for one in pictures {
      event.add(
        picture: [UInt8](one.overview), width: one.overviewWidth, height: one.overviewHeight, as: "validation/\(one.role)")
    }
    file.append(event.bytes)
  }

  /// Forces what was added to the disk, so that a power cut leaves no step out.
  func synchronize() { file.synchronize() }

  /// A number's name in TensorBoard: nnU-Net's and MONAI's where they have one.
  static func tag(kind: String, _ name: String) -> String {
    if kind == "step" {
      if let known = stepTags[name] { return known }
      if name.hasSuffix("Seconds") { return "seconds/\(name.dropLast("Seconds".count))" }
      return name.contains(".") ? name.replacing(".", with: "/") : "train_loss/\(name)"
    }
    let known = scoreTags[name] ?? name.replacing("dice.", with: "dice_per_class_or_region/")
    return kind == "validation" ? known : "\(kind)/\(known)"
  }

  private static let stepTags = [
    "loss": "train_loss", "rate": "lr", "seconds": "seconds/step", "slowestRank": "seconds/slowest_rank",
  ]
  private static let scoreTags = ["dice": "mean_fg_dice", "dice.smoothed": "ema_fg_dice"]
}
