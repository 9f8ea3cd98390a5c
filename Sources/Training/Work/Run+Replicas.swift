// Every rank holds the whole state of a run and changes it by equal numbers: here the ranks make sure that they plan alike and that they still agree.

import Cluster
import Files
import MPI
import Tensors

extension Run {
  /// Throws on all ranks unless all were given the same run. Collective.
  func requireSamePlan(over world: borrowing Communicator) throws(ClusterError) {
    let keys = configuration.values.filter { !RunConfiguration.isFree($0.key) }.sorted { $0.key < $1.key }
    let plans = stage.work.modules.flatMap { update in update.averages.map { "\(update.module.name): \($0.planText)" } }
    let data = stage.work.metadata["data"] ?? ""
    try requireAlike("\(keys)\n\(plans)\n\(hexadecimal(checksum(of: Array(data.utf8))))", "the run", over: world)
  }

  /// The hash of all that a step depends on: weights, optimisers, what the work carries and decided, what averaging expects. The same on every rank
  /// between steps.
  var stateHash: UInt64 {
    var hash = StateHash()
    for update in stage.work.modules {
      for (_, tensor) in update.state { hash.add(tensor) }
      for average in update.averages { hash.add(average.averager.carried) }
    }
    for carried in stage.work.carried { hash.add(carried.values) }
    if let decision = stage.decision { hash.add("\(decision.round) \(decision.text)") }
    return hash.value
  }

  /// Whether the ranks compare their states at all, and in the next step.
  func comparesReplicas(ranks: Int) -> Bool { ranks > 1 && configuration.replicaCheckEvery > 0 }
  func comparesReplicasNow(ranks: Int) -> Bool {
    comparesReplicas(ranks: ranks) && stepsDone % configuration.replicaCheckEvery == 0
  }

  /// Before a checkpoint is written, of which every rank writes a part. Collective; throws the same on every rank.
  func requireSameState(over world: borrowing Communicator) throws {
    guard comparesReplicas(ranks: world.size) else { return }
    let hashes = try world.allgather(text: String(stateHash)).map { UInt64($0)! }
    try Cluster.requireSameState(hashes, step: stepsDone, over: world)
  }

  /// Injects the fault that the environment asks for, to see it noticed; a flipped bit is the lowest one of the first weight.
  func injectFault(over world: borrowing Communicator) throws {
    guard let fault, try fault.inject(step: stepsDone + 1, over: world), fault.kind == .flip else { return }
    let weight = stage.work.modules[0].module.parameters.values.pointer
    weight.pointee = Float(bitPattern: weight.pointee.bitPattern ^ 1)
  }
}

extension StateHash {
  fileprivate mutating func add(_ tensor: Tensor) {
    withExtendedLifetime(tensor) { add(UnsafeBufferPointer(start: tensor.pointer, count: tensor.count)) }
  }
}
