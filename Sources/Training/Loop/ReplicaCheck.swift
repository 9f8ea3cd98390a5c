// Every rank holds the whole state of a run and changes it by equal numbers: here the ranks make sure that they plan alike and that they
// still agree.

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

  /// Of all that a step depends on: weights, momenta, what the method carries, what averaging expects. The same on every rank between steps.
  var stateHash: UInt64 {
    var hash = StateHash()
    for update in modules {
      hash.add(update.module.parameters.values)
      hash.add(update.optimizer.momenta)
      if let statistics = update.statistics { hash.add(statistics.source.values) }
      for average in update.averages { hash.add(average.averager.carried) }
    }
    for carried in method.carried { hash.add(carried.values) }
    return hash.value
  }

  /// Whether the ranks compare their state in a step.
  func comparesReplicas(at step: Int, ranks: Int) -> Bool {
    let interval = configuration.integer("replicaCheck.every")
    return ranks > 1 && interval > 0 && step % interval == 0
  }

  /// What is wrong with the hashes that the ranks showed; nil if they agree. The same on every rank. Collective where they disagree.
  func disagreement(_ hashes: [UInt64], step: Int, over world: borrowing Communicator) throws -> TrainingError? {
    let ranks = dissentingRanks(hashes)
    guard !ranks.isEmpty else { return nil }
    let hosts = try world.allgather(text: Communicator.hostName)
    return TrainingError(
      "the weights on \(named(ranks, hosts: hosts)) are no longer those of the other ranks before step \(step + 1): nothing was saved. "
        + "Look for faulty memory or a different processor there, and start the same command again without that host.",
      exitCode: ExitCode.fatal.rawValue)
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
