// registration.csv in the run folder: for each unlabelled volume, how well registration did and whether its labels are used.

import Cluster
import Files
import Foundation
import MPI
import Registration

/// How well registration did with a volume.
struct RegistrationNote: Codable, Equatable {
  /// Squared local correlation with the most similar labelled volume.
  var similarity: Double
  /// Dice of that volume's labels carried there and back.
  var thereAndBack: Double
  /// Why it gets no labels; nil where it gets some.
  var reason: String?

  init(_ labels: PropagatedLabels) {
    (similarity, thereAndBack, reason) = (labels.similarity, labels.thereAndBack, labels.silence)
  }

  /// The end of a line of the table.
  fileprivate var fields: String { "\(similarity),\(thereAndBack),\(reason == nil ? "yes" : "no"),\((reason ?? "").quotedField)" }
}

struct RegistrationTable {
  static let name = "registration.csv"
  private static let header = "case,similarity,there_and_back,used,reason"

  /// Of all ranks, sorted by case.
  let lines: [(case: String, note: RegistrationNote)]
  var silent: [(case: String, note: RegistrationNote)] { lines.filter { $0.note.reason != nil } }

  /// Mean Dice there and back of the volumes that got labels, 0 if there are none.
  var reliability: Double {
    let used = lines.filter { $0.note.reason == nil }
    return used.isEmpty ? 0 : used.reduce(0) { $0 + $1.note.thereAndBack } / Double(used.count)
  }

  /// The cases whose labels came back best, so many of them at most.
  func mostReliable(_ count: Int) -> [String] {
    let used = lines.filter { $0.note.reason == nil }
    return used.sorted { ($1.note.thereAndBack, $0.case) < ($0.note.thereAndBack, $1.case) }.prefix(count).map(\.case)
  }

  /// Gathers the notes of all ranks. Collective.
  init(_ own: [String: RegistrationNote], over world: borrowing Communicator) throws {
    var notes = own
    for rank in 0..<world.size {
      let others = try world.broadcast(bytes: try Array(JSONEncoder().encode(own)), from: rank)
      notes.merge(try JSONDecoder().decode([String: RegistrationNote].self, from: Data(others))) { first, _ in first }
    }
    lines = notes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  func write(to folder: String) throws {
    let rows = lines.map { "\($0.case.quotedField),\($0.note.fields)" }
    try writeDurably(Array(([Self.header] + rows).joined(separator: "\n").utf8) + [10], to: "\(folder)/\(Self.name)")
  }
}
