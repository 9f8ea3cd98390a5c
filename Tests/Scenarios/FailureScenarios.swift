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
  var message = "", code: Int32 = 0
  do throws(ClusterError) {
    try together(over: world) { _ in
      if rank >= size / 2 { throw ClusterError("cause \(rank)\nand more", exitCode: 79) }
    }
  } catch { (message, code) = (error.description, error.exitCode) }
  let place = size / 2 > 0 ? "rank \(size / 2) on \(Communicator.hostName): " : ""
  try expect(
    message == "\(place)cause \(size / 2)\nand more" && code == 79, "the lowest rank's error everywhere: \(message), \(code)")
  try expect(try together(over: world) { _ in rank } == rank, "a result where nothing fails")
}
