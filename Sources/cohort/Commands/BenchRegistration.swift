// `cohort bench registration`: how well and how fast labels are carried from one volume to another.

import ArgumentParser
import Benchmarks
import Kernels

extension Bench {
  struct Registration: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Register pairs of labelled volumes of a data set and compare the carried labels with the true ones.",
      discussion: "The pairs are among every second labelled case by name, so that the others are left for trying settings on.")

    @Option(help: "Data set folder in nnU-Net's raw layout.")
    var dataset: String
    @Option(help: "Labelled case whose labels are carried to the others; many pairs if not given.")
    var atlas: String?
    @Option(help: "Pairs that count.")
    var pairs = 30
    @Option(help: "mm between the voxels of the finest grid; 0 takes the one that a run would.")
    var spacing = 0.0
    @Option(help: "Threads.")
    var threads: Int
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      try inRange([("threads", threads, 1...Threads.most), ("pairs", pairs, 1...mostRepeats)])
      if !(0...100 ~= spacing) { throw ValidationError("--spacing is \(spacing): give 0 or a length up to 100 mm.") }
    }

    func run() throws {
      try reportingErrors {
        let result = try measureRegistration(
          dataset: dataset, atlas: atlas, pairs: pairs, millimetres: spacing, threads: threads)
        if json { try printJSON(result) } else { print(result.text) }
      }
    }
  }
}
