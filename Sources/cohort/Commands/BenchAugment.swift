// `cohort bench augment`: how long nnU-Net's augmentation of a crop takes.

import ArgumentParser
import Benchmarks
import Kernels

extension Bench {
  struct Augment: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time nnU-Net's augmentation of crops of random voxels, as a run with augmentation.kind: nnunet makes them.")

    @Option(help: "Depth, height and width of the patch in voxels, D,H,W.")
    var patch: String
    @Option(help: "Number of image channels.")
    var channels = 1
    @Option(help: "Number of classes, background included.")
    var classes = 3
    @Option(help: "Crops that count.")
    var crops = 100
    @Option(help: "Threads.")
    var threads: Int
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      _ = try patchSides(patch)
      try inRange([
        ("threads", threads, 1...Threads.most), ("crops", crops, 1...mostRepeats), ("channels", channels, 1...64),
        ("classes", classes, 2...256),
      ])
    }

    func run() throws {
      try reportingErrors {
        let result = try measureAugmentation(
          patch: try patchSides(patch), channels: channels, classes: classes, crops: crops, threads: threads)
        if json { try printJSON(result) } else { print(result.text) }
      }
    }
  }
}
