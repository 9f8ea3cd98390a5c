// The ranks of a job as a team that prepares a data set.

import Cluster
import Foundation
import MPI
import Preparation

/// Ranks that exchange values as JSON. Close it on every rank at the end.
final class RankTeam: PreparationTeam {
  private var world: Communicator
  let rank, size: Int

  /// Collective.
  init(_ world: borrowing Communicator) throws {
    (rank, size) = (world.rank, world.size)
    self.world = try world.duplicate()
  }

  /// Collective.
  func close() throws { try world.free() }

  func first<Value: Codable>(_ body: () throws -> Value) throws -> Value {
    let (isFirst, isAlone) = (rank == 0, size == 1)
    let own = try together(over: world) { _ in isFirst ? try body() : nil }
    if let own, isAlone { return own }
    let bytes = try world.broadcast(bytes: own.map { try Array(JSONEncoder().encode($0)) } ?? [])
    return try own ?? JSONDecoder().decode(Value.self, from: Data(bytes))
  }

  func all<Value: Codable>(_ body: () throws -> Value) throws -> [Value] {
    let own = try together(over: world) { _ in try body() }
    guard size > 1 else { return [own] }
    return try world.allgather(bytes: Array(JSONEncoder().encode(own))).map {
      try JSONDecoder().decode(Value.self, from: Data($0))
    }
  }

  func mark(_ what: String) { Flight.mark(.preparation, detail: what) }
}
