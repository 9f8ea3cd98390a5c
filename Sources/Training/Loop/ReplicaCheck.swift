// Every rank holds the whole state of a run and changes it by equal numbers: here the ranks make sure that they plan alike and that
// they still agree.

import Cluster
import MPI
import Tensors

extension Run {
  /// Throws on all ranks unless all were given the same run. Collective.
  func requireSamePlan(over world: borrowing Communicator) throws(ClusterError) {
    let keys = configuration.values.filter { !RunConfiguration.freeKeys.contains($0.key) }.sorted { $0.key < $1.key }
    let plans = modules.flatMap { update in update.averages.map { "\(update.module.name): \($0.planText)" } }
    try requireAlike("\(keys)\n\(plans)", "the run", over: world)
  }

  /// Of all that a step depends on: weights, momentum, what the method carries, what averaging expects. The same on every rank
  /// between steps.
  var stateHash: UInt64 {
    var hash = StateHash()
    for update in modules {
      hash.add(update.module.parameters.values)
      for state in update.optimizer.state { hash.add(state.values) }
      if let statistics = update.statistics { hash.add(statistics.source.values) }
      for average in update.averages { hash.add(average.averager.carried) }
    }
    for carried in method.carried { hash.add(carried.values) }
    return hash.value
  }

  /// Whether the ranks compare their states at all, and in a step.
  func comparesReplicas(ranks: Int) -> Bool { ranks > 1 && configuration.integer("replicaCheck.every") > 0 }
  func comparesReplicas(at step: Int, ranks: Int) -> Bool {
    comparesReplicas(ranks: ranks) && step % configuration.integer("replicaCheck.every") == 0
  }

  /// Before a checkpoint is written, of which every rank writes a part. Collective; throws the same on every rank.
  func requireSameState(step: Int, over world: borrowing Communicator) throws {
    guard comparesReplicas(ranks: world.size) else { return }
    let hashes = try world.allgather(text: String(stateHash)).map { UInt64($0)! }
    try requireSameState(hashes, step: step, over: world)
  }

  /// - Parameter hashes: of each rank's state after `step` steps; none if the ranks did not compare.
  func requireSameState(_ hashes: [UInt64], step: Int, over world: borrowing Communicator) throws {
    let ranks = dissentingRanks(hashes)
    guard !ranks.isEmpty else { return }
    let hosts = try world.allgather(text: Communicator.hostName)
    throw ClusterError(
      "after step \(step) the state of the run on \(named(ranks, hosts: hosts)) is not that of the other ranks. "
        + "Look for faulty memory or another type of processor there, and start the same command again without that host.",
      isShared: true)
  }

  /// Breaks what the environment asks for, to see it noticed; a flipped bit is the lowest one of the first weight.
  func strike(step: Int, over world: borrowing Communicator) throws {
    guard let fault, try fault.strike(step: step, over: world), fault.kind == .flip else { return }
    let weight = modules[0].module.parameters.values.pointer
    weight.pointee = Float(bitPattern: weight.pointee.bitPattern ^ 1)
  }
}

extension StateHash {
  fileprivate mutating func add(_ tensor: Tensor) {
    withExtendedLifetime(tensor) { add(UnsafeBufferPointer(start: tensor.pointer, count: tensor.count)) }
  }
}
