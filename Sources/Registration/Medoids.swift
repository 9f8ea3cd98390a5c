// Volumes that stand for all: the one that is most like all others, then, one after the other, the one that brings the volumes nearest to a chosen one
// (the first phase of Kaufman and Rousseeuw, "Finding Groups in Data", 1990, chapter 2: partitioning around medoids).

/// Items chosen to stand for all.
public struct Medoids: Sendable, Equatable {
  /// The chosen items in the order of choice.
  public private(set) var chosen: [Int] = []
  /// For each item the place in `chosen` of the one that is most like it, the earlier of equals; for a chosen item its own.
  public private(set) var representatives: [Int]

  /// - Parameters:
  ///   - similarity: of each item to each candidate, at most 1; of an item to itself 1. Rows are items.
  ///   - candidates: the item that each column is.
  ///   - count: how many to choose, at most as many as candidates.
  public init(similarity: [[Double]], candidates: [Int], count: Int) {
    var nearest = [Double](repeating: -.infinity, count: similarity.count)
    representatives = [Int](repeating: 0, count: similarity.count)
    var free = Array(candidates.indices)
    for place in 0..<min(count, candidates.count) {
      let best = free.max { first, second in
        Self.total(similarity, first, nearest) < Self.total(similarity, second, nearest)
      }!
      free.removeAll { $0 == best }
      chosen.append(candidates[best])
      for item in similarity.indices where similarity[item][best] > nearest[item] {
        (nearest[item], representatives[item]) = (similarity[item][best], place)
      }
    }
    for (place, item) in chosen.enumerated() { representatives[item] = place }
  }

  /// The similarity of all items to what stands for them, if a candidate were chosen too.
  private static func total(_ similarity: [[Double]], _ candidate: Int, _ nearest: [Double]) -> Double {
    similarity.indices.reduce(0) { $0 + max(nearest[$1], similarity[$1][candidate]) }
  }
}
