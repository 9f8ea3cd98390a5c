// What all ranks learn when some fail, and how a job ends.

import Cluster
import Foundation
import MPI

let failureScenarios = [
  Scenario(name: "agreement", run: agreement),
  Scenario(name: "abort") { world, _ in
    if world.rank == world.size - 1 { reportAndAbort(Broken(description: "the disk is on fire"), code: .rankLost, over: world) }
    try world.barrier()
  },
  Scenario(name: "shared-failure") { world, _ in
    reportAndAbort(ClusterError("everybody sees this", isShared: true), code: .storage, over: world)
  },
  Scenario(name: "hang") { world, _ in
    if world.rank > 0 { try world.barrier() }
    sleep(3600)
  },
]

private func agreement(_ world: borrowing Communicator, _: [String]) throws {
  let (rank, size) = (world.rank, world.size)
  try expect(try agree(nil, over: world) == nil, "no error is no error")
  let failed = try agree(rank >= size / 2 ? "cause \(rank)" : nil, over: world)
  try expect(failed?.rank == size / 2 && failed?.message == "cause \(size / 2)", "lowest rank: \(String(describing: failed))")
  var message = ""
  do {
    try together(over: world) { () throws(ClusterError) in if rank == size - 1 { throw ClusterError("last") } }
  } catch { message = error.description }
  try expect(message.hasSuffix("last"), "the same error everywhere: \(message)")
  try expect(try together(over: world) { () throws(ClusterError) in rank } == rank, "a result where nothing fails")
}
