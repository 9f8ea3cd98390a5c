// A prepared data set of small phantoms for tests of training: a bright and a dim ball in noise, written as packs in milliseconds.
// Arrays [D, H, W] of 20 x 24 x 22 voxels.

import Foundation
import MPI
import Tensors
import Training
import Volumes

/// The numbers of a line of metrics.jsonl that are the same in every run: all but times and what follows from them.
func reproducible(_ line: [String: Any]) -> [String: Double] {
  line.compactMapValues { $0 as? Double }.filter {
    $0.key != "seconds" && !$0.key.hasSuffix("Seconds") && $0.key != "slowestRank"
  }
}

struct TinyCohort {
  static let extent = Extent(20, 24, 22)
  static let labelled = ["case-a", "case-b"]
  static let unlabelled = (1...7).map { "scan-\($0)" }
  static let test = ["test-1", "test-2", "test-3"]

  /// Writes packs into `folder`, with more cases if there are any.
  /// - Parameters:
  ///   - structures: 2, or 1 for the bright ball alone.
  ///   - planned: what a plan asked of their preparation, JSON; nil for none.
  static func write(
    to folder: String, origins: [String: CaseOrigin] = [:], structures: Int = 2, planned: String? = nil, more: [PackedCase] = []
  ) throws {
    let plan = planned.map { #""planned":\#($0),"# } ?? ""
    let writer = try PackWriter(
      folder: folder,
      preparation: #"{"normalization":"wholeCrop",\#(plan)"spacing":{"depth":1,"height":1,"width":1},"version":1}"#,
      labels: LabelMeaning(classNames: Array(["background", "bright", "dim"].prefix(1 + structures))), channelNames: ["MR"])
    for (identifiers, role) in [(labelled, CaseRole.labelled), (unlabelled, .unlabelled), (test, .test)] {
      for identifier in identifiers {
        try add(phantom(identifier, role, structures: structures), origin: origins[identifier], to: writer)
      }
    }
    for prepared in more { try add(prepared, to: writer) }
    _ = try writer.finish()
  }

  static func add(_ prepared: PackedCase, origin: CaseOrigin? = nil, to writer: PackWriter) throws {
    var entry = try writer.site.write(
      prepared, intensities: [ChannelIntensity(of: prepared.image)], number: writer.reserve(), sourceHash: prepared.identifier)
    entry.origin = origin
    try writer.append(entry)
  }

  static func phantom(_ identifier: String, _ role: CaseRole, structures: Int = 2) -> PackedCase {
    let key = RandomKey(fnv1a64(identifier))
    let shift = (0..<3).map { 3 * key.uniform(UInt64($0)) }
    var image = [Float](repeating: 0, count: extent.count), label = [UInt8](repeating: 0, count: extent.count)
    for d in 0..<extent.depth {
      for h in 0..<extent.height {
        for w in 0..<extent.width {
          let place = SIMD3(Double(d) - shift[0], Double(h) - shift[1], Double(w) - shift[2]), index = extent.index(d, h, w)
          let bright = place - SIMD3(7, 8, 8), dim = place - SIMD3(11, 15, 13)
          if (bright * bright).sum() < 16 { label[index] = 1 } else if (dim * dim).sum() < 20 { label[index] = 2 }
          image[index] = Float([0, 2, -1.5][Int(label[index])] + 0.3 * key.gaussian(UInt64(100 + index)))
        }
      }
    }
    let spacing = Spacing(1, 1, 1)
    return PackedCase(
      identifier: identifier, role: role, extent: extent, spacing: spacing, channels: 1, image: image,
      label: role == .unlabelled ? nil : label.map { Int($0) > structures ? 0 : $0 },
      frame: CaseFrame(
        originalExtent: extent, originalSpacing: spacing, cropStart: [0, 0, 0], cropExtent: extent,
        grid: FileGrid(canonical: extent, spacing: spacing)))
  }

  /// A run file on packs in `data`.
  static func runFile(data: String, output: String, method: String = "relif") -> String {
    """
    data: \(data)
    output: \(output)
    method: \(method)
    network: {name: unet3d, base: 2}
    patch: [16, 16, 32]
    steps: 50
    lanes: 3
    seed: 5
    optimizer: {learningRate: 0.01}
    augmentation: {kind: flip, axes: [H, W]}
    validation: {every: 25}
    checkpoint: {every: 10, keep: 9}

    """
  }
}

extension Run {
  /// The work of the stage, which trains a network with a method.
  var methodWork: MethodWork { stage.work as! MethodWork }

  /// Takes up the newest checkpoint and trains to the end, on this process alone and silently.
  @discardableResult func trained() throws -> TrainingOutcome {
    let silent = Console(rank: 1)
    try resume(self, over: .alone, console: silent)
    return try train(self, over: .alone, console: silent)
  }
}
