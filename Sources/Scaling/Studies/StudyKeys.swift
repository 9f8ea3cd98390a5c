// Every key of a study file: name, type, default, allowed values and explanation (`cohort scale keys`).

import Kernels
import Settings

/// What replaces or does not replace the kernels.
public enum StudyCompute: Sendable, Equatable {
  /// Steps of the study's run file.
  case real
  /// Sleeps for the times in this file (`LaneTrace`).
  case replay(String)

  /// `real`, or `replay:FILE`.
  public init(_ text: String) throws(ScalingError) {
    let prefix = "replay:"
    switch text {
    case "real": self = .real
    case _ where text.hasPrefix(prefix) && text.count > prefix.count: self = .replay(String(text.dropFirst(prefix.count)))
    default: throw ScalingError("compute is \"\(text)\": write real, or replay:FILE with a file that `cohort scale record` made.")
    }
  }
}

/// How ranks are started.
public enum LauncherChoice: String, Sendable, CaseIterable {
  case mpirun, srun
}

/// The most lanes of a study, in all or of each rank.
private let mostLanes = 1_000_000

/// The table of a study's keys.
public struct StudyKeys: Sendable {
  static let table = StudyKeys()
  /// All keys, in the order of documentation.
  public static let all: [any SettingDescription] = table.list

  public let output = Setting(
    required: "output", .text, "Folder for measurements and report; the same folder continues the study.")
  public let nodes = Setting(required: "nodes", .nodeCounts, "Numbers of nodes that are compared.")
  public let runFile = Setting<String?>(
    "run", default: nil, .optional(.text), "Run file whose steps are timed; rehearsals (`compute: replay:FILE`) need none.")
  public let overrides = Setting(
    "overrides", default: [], .texts, "Keys that replace those of the run file, for example [network.base=8].")
  public let stage = Setting<String?>(
    "stage", default: nil, .optional(.text), "Stage of the run file whose steps are timed; without it, the first.")
  public let compute = Setting(
    "compute", default: .real, .compute,
    "What a step computes: real is the run file's own steps; replay:FILE sleeps for the lane times in FILE, which `cohort scale "
      + "record` made.")
  public let strongLanes = Setting(
    "strong", default: 0, in: 0...mostLanes, "Lanes in all, shared out over the ranks (strong scaling); 0 leaves it out.")
  public let weakLanesPerRank = Setting(
    "weak", default: 0, in: 0...mostLanes, "Lanes of each rank (weak scaling); 0 leaves it out.")
  public let allreduceSizes = Setting(
    "allreduce", default: [], .messageSizes, "Sizes in bytes of the messages whose allreduce is timed too, which the model needs."
  )
  public let launcher = Setting("launcher", default: LauncherChoice.mpirun, "What starts the ranks; srun inside a Slurm job.")
  public let hostfile = Setting<String?>(
    "hostfile", default: nil, .optional(.text), "File of hosts for mpirun, in the order in which they are taken.")
  public let arguments = Setting(
    "arguments", default: [], .texts, "More words for the launcher, for example [--mca, btl_tcp_if_include, eth0].")
  public let ranksPerNode = Setting("ranksPerNode", default: 1, in: 1...4096, "Ranks on each node.")
  public let threads = Setting("threads", default: 1, in: 1...Threads.most, "Threads of each rank.")
  public let repeats = Setting(
    "repeats", default: 5, in: 5...1000, "How often each point is measured, in random order; intervals need 5 or more.")
  public let warmup = Setting("warmup", default: 3, in: 0...1_000_000, "Steps that are dropped at the start of each measurement.")
  public let steps = Setting("steps", default: 10, in: 1...1_000_000, "Steps of each measurement that count.")
  public let seed = Setting(
    "seed", default: 1, in: 0...UInt64(Int.max), "The random order, the intervals and the draws of rehearsals follow from it.")
  public let limitSeconds = Setting(
    "limitSeconds", default: 900, in: 1...31_536_000, "Seconds after which a measurement is ended and counts as failed.")
  public let averagedValues = Setting(
    "averagedValues", default: 0, in: 0...LaneTrace.mostValues,
    "Values that a rehearsed step averages; 0 takes as many as were recorded.")
  public let dilation = Setting(
    "dilation", default: 1.0, in: 1e-3...1e6,
    "How many times slower the clocks of a rehearsal run, for a network that was slowed down alike.")
  public let checkpointEvery = Setting(
    "checkpointEvery", default: 0, in: 0...100_000_000, "Steps between the checkpoints that a rehearsal writes; 0 writes none.")

  private var list: [any SettingDescription] {
    [
      output, nodes, runFile, overrides, stage, compute, strongLanes, weakLanesPerRank, allreduceSizes, launcher, hostfile,
      arguments,
      ranksPerNode, threads,
      repeats,
      warmup, steps, seed, limitSeconds, averagedValues, dilation, checkpointEvery,
    ]
  }
}

extension SettingFormat where Value == StudyCompute {
  fileprivate static var compute: Self {
    Self(
      "real, or replay:FILE", read: { try? StudyCompute($0) },
      write: { if case .replay(let file) = $0 { "replay:" + file } else { "real" } })
  }
}

extension SettingFormat where Value == [Int] {
  /// A list of at least one number, each once, sorted in ascending order.
  fileprivate static var nodeCounts: Self {
    .plainIntegers(upTo: 100_000).mapped(
      allowed: "at most 1000 different numbers from 1 to 100000, for example [1, 2, 4]",
      { Set($0).count == $0.count ? $0.sorted() : nil },
      back: { $0 })
  }

  fileprivate static var messageSizes: Self {
    SettingFormat<[String]>.texts.mapped(
      allowed: "message sizes, multiples of 8 bytes up to 4096M, for example [4K, 256K, 4M]",
      { $0.isEmpty ? [] : try? Scaling.messageSizes($0.joined(separator: ",")) }, back: { $0.map(String.init) })
  }
}
