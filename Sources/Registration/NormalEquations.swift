// The equations of a Gauss-Newton step in the twelve numbers of an affine map.

/// What a map is worth, and the equations of the next step.
struct Evaluation {
  var value = 0.0
  private var matrix = [[Double]](repeating: [Double](repeating: 0, count: 12), count: 12)
  private var right = [Double](repeating: 0, count: 12)

  init() {}

  mutating func add(_ sums: [Double], weight: Double) {
    var slot = 0
    for i in 0..<12 {
      for j in 0...i {
        matrix[i][j] += weight * sums[slot]
        if i != j { matrix[j][i] = matrix[i][j] }
        slot += 1
      }
      right[i] += weight * sums[90 + i]
    }
  }

  /// The damped step along the directions of `basis`, as twelve numbers; nil where nothing changes.
  func step(_ basis: [[Double]], damping: Double) -> [Double]? {
    let count = basis.count
    var a = [[Double]](repeating: [Double](repeating: 0, count: count), count: count), b = [Double](repeating: 0, count: count)
    for i in 0..<count {
      let image = (0..<12).map { row in (0..<12).reduce(0.0) { $0 + matrix[row][$1] * basis[i][$1] } }
      for j in 0..<count { a[j][i] = zip(basis[j], image).reduce(0.0) { $0 + $1.0 * $1.1 } }
      b[i] = zip(basis[i], right).reduce(0.0) { $0 + $1.0 * $1.1 }
    }
    let mean = (0..<count).reduce(0.0) { $0 + a[$1][$1] } / Double(count)
    guard mean > 1e-12 else { return nil }
    for i in 0..<count { a[i][i] += damping * (a[i][i] + 0.01 * mean) + 1e-9 * mean }
    guard let solution = solved(a, b) else { return nil }
    return (0..<12).map { entry in (0..<count).reduce(0.0) { $0 + solution[$1] * basis[$1][entry] } }
  }
}

/// Solves a positive definite system by Cholesky's decomposition; nil if it is none.
private func solved(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
  let count = right.count
  var l = matrix, x = right
  for i in 0..<count {
    for j in 0...i {
      var sum = matrix[i][j]
      for k in 0..<j { sum -= l[i][k] * l[j][k] }
      if i == j {
        guard sum > 0 else { return nil }
        l[i][i] = sum.squareRoot()
      } else {
        l[i][j] = sum / l[j][j]
      }
    }
  }
  for i in 0..<count { x[i] = ((0..<i).reduce(x[i]) { $0 - l[i][$1] * x[$1] }) / l[i][i] }
  for i in (0..<count).reversed() { x[i] = ((i + 1..<count).reduce(x[i]) { $0 - l[$1][i] * x[$1] }) / l[i][i] }
  return x
}
