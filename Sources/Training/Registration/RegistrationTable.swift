// registration.csv in the run folder: for each unlabelled volume, how well registration did and whether its labels are used.

import Cluster
import Files
import Foundation
import Kernels
import MPI
import Registration

/// How well registration did with a volume.
package struct RegistrationNote: Codable, Equatable {
  /// Squared local correlation with the most similar labelled volume.
  var similarity: Double
  /// Dice of that volume's labels carried there and back.
  var thereAndBack: Double
  /// Squared local correlation where the labels end, the mean of the classes.
  var atBorders: Double
  /// Why it gets no labels; nil where it gets some.
  var reason: String?

  package init(similarity: Double, thereAndBack: Double, atBorders: Double, reason: String?) {
    (self.similarity, self.thereAndBack, self.atBorders, self.reason) = (similarity, thereAndBack, atBorders, reason)
  }

  init(_ labels: PropagatedLabels) {
    self.init(
      similarity: labels.similarity, thereAndBack: labels.thereAndBack, atBorders: labels.atBorders, reason: labels.silence)
  }

  /// The end of a line of the table.
  fileprivate var fields: String {
    "\(similarity),\(thereAndBack),\(atBorders),\(reason == nil ? "yes" : "no"),\((reason ?? "").quotedField)"
  }
}

package struct RegistrationTable {
  static let name = "registration.csv"
  private static let header = "case,similarity,there_and_back,at_borders,used,reason"

  /// Of all ranks, sorted by case.
  let lines: [(case: String, note: RegistrationNote)]
  var silent: [(case: String, note: RegistrationNote)] { lines.filter { $0.note.reason != nil } }

  /// The volumes that got labels, if labels are believed.
  private var believed: [(case: String, note: RegistrationNote)] {
    distrust == nil ? lines.filter { $0.note.reason == nil } : []
  }

  /// Mean Dice there and back of the volumes that got labels, 0 if there are none that can be believed.
  package var reliability: Double {
    let used = believed
    return used.isEmpty ? 0 : used.reduce(0) { $0 + $1.note.thereAndBack } / Double(used.count)
  }

  /// The cases whose labels came back best, so many of them at most; none where labels are not believed.
  func mostReliable(_ count: Int) -> [String] {
    believed.sorted { ($1.note.thereAndBack, $0.case) < ($0.note.thereAndBack, $1.case) }.prefix(count).map(\.case)
  }

  /// How alike images are where labels end, as a share of how alike they are everywhere: the median of the volumes that got labels; nil where none did.
  var borderShare: Double? {
    let used = lines.filter { $0.note.reason == nil && $0.note.similarity > 0 }
    return used.isEmpty ? nil : median(used.map { $0.note.atBorders / $0.note.similarity })
  }

  /// Why no label of any volume is to be believed, a phrase; nil where they are. There and back, labels also come from where a volume shows nothing of what
  /// they name: lesions that lie elsewhere. Single volumes look right by chance, so all of them decide together.
  package var distrust: String? {
    guard let share = borderShare, share < Self.leastBorderShare else { return nil }
    return
      "images agree where the labels end only \(share.formatted(decimals: 2)) times as well as elsewhere, "
      + "so what is labelled does not lie in the same place from volume to volume"
  }

  /// Of structures that lie in the same place 0.8 to 1.05, of lesions anywhere 0.5 to 0.72.
  private static let leastBorderShare = 0.76

  /// Gathers the notes of all ranks. Collective.
  package init(_ own: [String: RegistrationNote], over world: borrowing Communicator) throws {
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
