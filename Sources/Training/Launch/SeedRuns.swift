// One run file trained with several seeds: a run for each, in a folder of its own below the run file's `output`. Networks that differ in chance
// alone predict together better than one.

import Cluster
import Foundation
import MPI

/// Trains a run with each of several seeds, one after the other on all ranks, in `output`/seed-N. Runs that have come to their end stay as they are.
/// - Returns: the first exit code other than 0, or 0. Arguments: as of a single run.
public func launchTraining(
  file: String, overrides: [String], seeds: [UInt64], budget: TimeBudget = TimeBudget(), acceptsChangedData: Bool = false,
  over world: borrowing Communicator
) throws -> Int32 {
  let output = try together(over: world) { world in
    try RunConfiguration(yaml: try sharedText(file, over: world), source: file, overrides: overrides).output
  }
  for seed in seeds {
    let code = try launchTraining(
      file: file, overrides: overrides + ["seed=\(seed)", "output=\(output)/\(seedFolderPrefix)\(seed)"], budget: budget,
      acceptsChangedData: acceptsChangedData, over: world)
    if code != ExitCode.success.rawValue { return code }
  }
  return ExitCode.success.rawValue
}

private let seedFolderPrefix = "seed-"

/// The runs of all seeds in a folder, in the order of seeds, or the path itself where it holds none.
func runsOfSeeds(in path: String) -> [String] {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  let seeds = names.compactMap { $0.hasPrefix(seedFolderPrefix) ? UInt64($0.dropFirst(seedFolderPrefix.count)) : nil }
  return seeds.isEmpty ? [path] : seeds.sorted().map { "\(path)/\(seedFolderPrefix)\($0)" }
}
