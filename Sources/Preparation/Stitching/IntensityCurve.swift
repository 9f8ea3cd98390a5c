// A random monotonic map of intensities: a cubic Bézier curve through (0, 0) and (1, 1), as ShumengLI/SFR (`nonlinear_transformation`) makes it.

/// The map whose graph has the control points (0, 0), (a, b), (c, d), (1, 1), each 0...1. The curve's abscissae and ordinates are sorted apart
/// from each other, so that the map never falls; below 0 it is 0, beyond 1 it is 1.
package struct IntensityCurve {
  /// Abscissae and ordinates, ascending.
  private let inputs, outputs: [Double]

  /// The original takes 100,000 points; with these the map differs from that by less than 1e-5.
  private static let points = 4096

  package init(_ a: Double, _ b: Double, _ c: Double, _ d: Double) {
    func sorted(_ first: Double, _ second: Double) -> [Double] {
      (0..<Self.points).map { point in
        let t = Double(point) / Double(Self.points - 1), rest = 1 - t
        return 3 * rest * rest * t * first + 3 * rest * t * t * second + t * t * t
      }.sorted()
    }
    (inputs, outputs) = (sorted(a, c), sorted(b, d))
  }

  /// Maps values in place.
  package func apply(_ values: UnsafeMutableBufferPointer<Float>) {
    inputs.withUnsafeBufferPointer { inputs in
      outputs.withUnsafeBufferPointer { outputs in
        for index in 0..<values.count { values[index] = Self.value(values[index], inputs, outputs) }
      }
    }
  }

  /// Linear between the two points around `value`.
  private static func value(
    _ value: Float, _ inputs: UnsafeBufferPointer<Double>, _ outputs: UnsafeBufferPointer<Double>
  ) -> Float {
    guard value > 0 else { return 0 }
    guard value < 1 else { return 1 }
    let sought = Double(value)
    var (lower, upper) = (0, inputs.count - 1)  // inputs[lower] <= sought < inputs[upper]
    while upper - lower > 1 {
      let middle = (lower + upper) / 2
      if inputs[middle] <= sought { lower = middle } else { upper = middle }
    }
    let share = (sought - inputs[lower]) / (inputs[upper] - inputs[lower])
    return Float(outputs[lower] + share * (outputs[upper] - outputs[lower]))
  }
}
