// Spearman's rank correlation: whether one list puts cases into the same order as another.

/// The correlation of the ranks of paired values, -1...1, equal values sharing the mean of their ranks; nil for fewer than three pairs or a constant list.
public func rankCorrelation(_ first: [Double], _ second: [Double]) -> Double? {
  guard first.count == second.count, first.count > 2 else { return nil }
  let (a, b) = (centredRanks(first), centredRanks(second))
  let squares = a.reduce(0) { $0 + $1 * $1 } * b.reduce(0) { $0 + $1 * $1 }
  return squares > 0 ? zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / squares.squareRoot() : nil
}

/// Ranks less their mean.
private func centredRanks(_ values: [Double]) -> [Double] {
  averageRanks(values).map { $0 - Double(values.count + 1) / 2 }
}

/// Ranks from 1 on, equal values sharing the mean of theirs.
func averageRanks(_ values: [Double]) -> [Double] {
  let order = values.indices.sorted { values[$0] < values[$1] }
  var ranks = [Double](repeating: 0, count: values.count), start = 0
  while start < order.count {
    let end = order[start...].firstIndex { values[$0] != values[order[start]] } ?? order.count
    for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
    start = end
  }
  return ranks
}
