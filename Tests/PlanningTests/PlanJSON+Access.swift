// Looking into JSON, and what differs between two of them, for the tests of plans.

import Foundation
import Planning

extension PlanJSON {
  var rows: [(key: String, value: PlanJSON)]? { if case .table(let rows) = self { rows } else { nil } }
  var items: [PlanJSON]? { if case .list(let items) = self { items } else { nil } }
  var string: String? { if case .text(let text) = self { text } else { nil } }

  subscript(key: String) -> PlanJSON? { rows?.first { $0.key == key }?.value }

  /// A table with the value of a key changed.
  func replacing(_ key: String, _ change: (PlanJSON) -> PlanJSON) -> PlanJSON {
    .table((rows ?? []).map { $0.key == key ? ($0.key, change($0.value)) : $0 })
  }

  /// A table without some of its keys.
  func without(_ keys: Set<String>) -> PlanJSON { .table((rows ?? []).filter { !keys.contains($0.key) }) }
}

func parsed(_ text: String) throws -> PlanJSON { try JSONDecoder().decode(PlanJSON.self, from: Data(text.utf8)) }

/// The places where two values differ, and both values.
func differences(_ a: PlanJSON, _ b: PlanJSON, at place: String = "") -> [String] {
  if a == b { return [] }
  if let left = a.rows, let right = b.rows {
    return Set(left.map(\.key) + right.map(\.key)).sorted().flatMap {
      differences(a[$0] ?? .text("nothing"), b[$0] ?? .text("nothing"), at: "\(place).\($0)")
    }
  }
  if let left = a.items, let right = b.items, left.count == right.count {
    return left.indices.flatMap { differences(left[$0], right[$0], at: "\(place)[\($0)]") }
  }
  return ["\(place): \(a) is not \(b)"]
}
