// Which processors the launcher and the control groups have left to each rank, and with how many threads a rank therefore computes.

import Cluster
import Files
import Foundation
import Kernels
import MPI

/// The processors of the ranks of this host.
public struct RankPlacement {
  /// The processors of this rank.
  let thisRank: ProcessorList
  /// The processors of every rank of this host, this one's included.
  let all: [ProcessorList]
  /// The processors of mpirun, if that has started the ranks.
  let launcher: ProcessorList?
  /// The processors' worth of time that control groups leave to this rank; nil for as much as there is.
  let quota: Double?

  package init(thisRank: ProcessorList, all: [ProcessorList], launcher: ProcessorList?, quota: Double? = nil) {
    (self.thisRank, self.all, self.launcher, self.quota) = (thisRank, all, launcher, quota)
  }

  /// Gathers the processors and quotas of this host's ranks. Collective.
  public init(over world: borrowing Communicator) throws(MPIError) {
    let host = Communicator.hostName, thisRank = ProcessorList.ofThisProcess, quotas = ControlGroups.ofThisProcess.processorQuotas
    let text = ([host, thisRank.text] + quotas.keys).joined(separator: "\n")
    let ofHost = try world.allgather(text: text).map { $0.split(separator: "\n").map(String.init) }.filter { $0[0] == host }
    let isOfMPIRun = ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_RANK"] != nil
    self.init(
      thisRank: thisRank, all: ofHost.compactMap { ProcessorList($0[1]) },
      launcher: isOfMPIRun ? ProcessorList(allowedTo: "\(getppid())") : nil,
      quota: Self.share(of: quotas, groupsOfRanks: ofHost.map { Set($0.dropFirst(2)) }))
  }

  /// A rank's part of its quotas, of which one that n ranks share counts 1/n: the least. Nil without a quota.
  package static func share(of quotas: [String: Double], groupsOfRanks groups: [Set<String>]) -> Double? {
    quotas.map { group, quota in quota / Double(max(1, groups.count { $0.contains(group) })) }.min()
  }

  /// Ranks of this host.
  public var ranks: Int { all.count }

  /// This rank's part of the cores, of which one that n ranks may use counts 1/n, but no more than its quota. At least 1. Hyper-threads do not
  /// count: they share the units that compute.
  package func share(core: (Int) -> Int = ProcessorList.core(of:)) -> Int {
    let places = all.reduce(into: Set(thisRank.processors)) { $0.formUnion($1.processors) }.map { ($0, core($0)) }
    let coreOf = Dictionary(uniqueKeysWithValues: places)
    func cores(_ list: ProcessorList) -> Set<Int> { Set(list.processors.map { coreOf[$0]! }) }
    let ofRanks = all.map(cores)
    let parts = cores(thisRank).map { core in 1 / Double(ofRanks.count { $0.contains(core) }) }
    // Halves and thirds do not add up to the last bit.
    return max(1, Int(min(parts.reduce(0, +), quota ?? .infinity) + 1e-6))
  }

  /// Sets the threads of this rank: as asked; else OMP_NUM_THREADS; else its share of the cores.
  /// - Parameter asked: 0 for no wish.
  /// - Returns: a warning with a hint, if threads or processors are wasted.
  @discardableResult
  public func chooseThreads(_ asked: Int) -> String? {
    let isFree = asked == 0 && ProcessInfo.processInfo.environment["OMP_NUM_THREADS"] == nil
    if asked > 0 { Threads.set(asked) } else if isFree { Threads.set(share()) }
    return problem(threads: Threads.count, chosen: !isFree)
  }

  /// - Parameter chosen: whether somebody wanted just these threads.
  package func problem(threads: Int, chosen: Bool) -> String? {
    let count = thisRank.processors.count, most = (launcher ?? thisRank).processors.count
    if threads > count {
      return "\(threads) threads share \(Self.processorText(count)) and are no faster than \(count): "
        + (threads > most
          ? "ask for \(most) at most, or start the ranks with more."
          : "mpirun binds each rank to its own, start it with --bind-to none or --map-by slot:PE=\(threads).")
    }
    if let quota, Double(threads) > max(1, quota) {
      return
        "\(threads) threads share the time of \(quota.formatted(decimals: 1)) processors, the quota of this rank's control group, and are no "
        + "faster than \(max(1, Int(quota))): ask for fewer threads, or for a higher quota."
    }
    let used = all.reduce(into: Set<Int>()) { $0.formUnion($1.processors) }.count
    guard !chosen, used < most else { return nil }
    return "the ranks of this host use \(used) of \(Self.processorText(most)), because mpirun binds them: "
      + "start it with --bind-to none."
  }

  private static func processorText(_ count: Int) -> String { count == 1 ? "1 processor" : "\(count) processors" }
}
