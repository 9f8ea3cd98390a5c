// A SAM from a checkpoint: its size is read off the arrays, which stay in the mapped file, so that the ranks of a host share them.
// Axes: g tokens along each side of the plane, E channels of a token, n tokens of a window.

import Kernels
import Learning
import Networks
import Tensors
import Weights

/// What the files of a SAM are called where they are asked for: keys of a run file, or options on the command line.
package struct SAMFileNames: Sendable {
  let checkpoint, adapters: String

  package static let keys = SAMFileNames(checkpoint: "sam.checkpoint", adapters: "sam.adapters")
}

/// The weights of a SAM as they lie in a file, and what is known of them.
package struct SAMFile {
  /// The title of weights that do not describe themselves.
  private static let publishedTitle = "SAM"

  package let path: String
  package let plan: SAMPlan
  /// The title for the console and reports.
  package let title: String
  /// The fingerprint of all arrays.
  package let weights: UInt64
  private let file: WeightFile
  /// What stands before the names in the file.
  private let prefix: String

  /// - Parameter checkpoint: a path, or `demo`.
  /// Errors: no file of weights; not SAM's.
  package init(checkpoint: String, called names: SAMFileNames = .keys) throws(TrainingError) {
    path = checkpoint == "demo" ? EmbeddedWeights.demoSAM.rawValue : checkpoint
    do {
      file = try WeightFile(path)
      prefix = file.entries.contains { $0.name.hasPrefix("weights.") } ? "weights." : ""
      let start = prefix
      let shapes = file.entries.filter { $0.name.hasPrefix(start) }.map { (String($0.name.dropFirst(start.count)), $0.shape) }
      plan = try SAMPlan(shapes: Dictionary(uniqueKeysWithValues: shapes))
      weights = file.weightsHash
      title = try PriorDescription(of: path)?.title ?? Self.publishedTitle
    } catch { throw TrainingError("\(names.checkpoint): \(checkpoint): \(error)") }
  }

  /// The frozen arrays of a network for `plan`, which may have another canvas and other masks than the file. What depends on the number of masks and
  /// does not fit is left out.
  package func frozenParameters(_ plan: SAMPlan) throws -> (parameters: FrozenParameters, report: LoadReport) {
    let needed = SAM.specification(self.plan).filter { !AdaptedSAM.isTrained($0.name) }
    let isRemade = plan.masks != self.plan.masks
    let kept = needed.filter { !isRemade || !AdaptedSAM.dependsOnMasks($0.name) }
    let (loaded, report) = try file.frozenParameters(kept, prefix: prefix, allowing: LoadAllowance(unexpected: isUsedElsewhere))
    guard plan.grid != self.plan.grid else { return (loaded, report) }
    let fitted = kept.map { (name: $0.name, value: resized(loaded[$0.name].value, $0.name, to: plan)) }
    return (FrozenParameters(fitted), report)
  }

  /// Loads the decoder's arrays into what fine-tuning trains.
  /// - Parameter reusesMasks: take the first mask tokens where the numbers of masks differ, rather than none.
  package func loadDecoder(into sam: AdaptedSAM, reusesMasks: Bool) throws {
    let isRemade = sam.plan.masks != plan.masks
    for parameter in sam.trained.parameters where AdaptedSAM.isTrained(parameter.name) {
      let depends = isRemade && AdaptedSAM.dependsOnMasks(parameter.name)
      if depends, !reusesMasks || file[prefix + parameter.name] == nil { continue }
      let values = try file.tensor(prefix + parameter.name), count = min(values.count, parameter.shape.count)
      withExtendedLifetime(values) { parameter.value.pointer.update(from: values.pointer, count: count) }
    }
  }

  private func isUsedElsewhere(_ name: String) -> Bool {
    AdaptedSAM.isTrained(name) || AdaptedSAM.dependsOnMasks(name) || !name.hasPrefix("image_encoder.") && !prefix.isEmpty
  }

  /// The table of positions for another canvas: bilinear over the plane, linear along the distances of blocks that see all of it
  /// (hitachinsk/SAMed, segment_anything/build_sam.py).
  private func resized(_ value: Tensor, _ name: String, to plan: SAMPlan) -> Tensor {
    let (from, to) = (self.plan.grid, plan.grid)
    if name == "image_encoder.pos_embed" {
      return mapped(value, [1, from, from], to: [1, to, to], channels: plan.embedding).shaped([1, to, to, plan.embedding])
    }
    guard name.contains(".rel_pos_"), value.shape[0] == 2 * from - 1, self.plan.window(named: name) == from else { return value }
    return mapped(value, [1, 1, 2 * from - 1], to: [1, 1, 2 * to - 1], channels: plan.headSize).shaped([
      2 * to - 1, plan.headSize,
    ])
  }

  private func mapped(_ value: Tensor, _ from: [Int], to: [Int], channels: Int) -> Tensor {
    let result = Tensor(uninitialized: Shape(to + [channels]))
    mapAxes(
      value.pointer, channels: channels, through: zip(from, to).map { AxisWeights.resized($0, to: $1) }, into: result.pointer)
    return result
  }
}

extension SAMPlan {
  /// n of the block that an array belongs to.
  fileprivate func window(named array: String) -> Int {
    let parts = array.split(separator: "."), block = parts.count > 2 ? Int(parts[2]) : nil
    return block.map { globalBlocks.contains($0) ? grid : window } ?? window
  }
}

extension Tensor {
  /// The same values in another shape.
  fileprivate func shaped(_ shape: Shape) -> Tensor { Tensor(values, shape: shape) }
}
