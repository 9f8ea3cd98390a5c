// Comparing arrays of numbers with a tolerance relative to their range.

import Foundation

/// The largest absolute difference, divided by the range (highest minus lowest) of `expected`.
public func differenceOverRange(_ actual: [Float], _ expected: [Float]) -> Double {
  guard actual.count == expected.count, let low = expected.min(), let high = expected.max() else { return .infinity }
  let worst = zip(actual, expected).map { abs(Double($0) - Double($1)) }.max() ?? 0
  return worst / max(Double(high) - Double(low), .leastNormalMagnitude)
}

/// The norm of the difference divided by the norm of `expected`.
public func relativeNorm(_ actual: [Float], _ expected: [Float]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  let difference = zip(actual, expected).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
  let size = expected.reduce(0.0) { $0 + Double($1) * Double($1) }
  return (difference / max(size, .leastNormalMagnitude)).squareRoot()
}

/// A golden file by name: in the folder that COHORT_GOLDENS names, where it is set, else in `Fixtures` beside the test that asks.
public func golden(_ name: String, beside file: String = #filePath) -> String {
  ProcessInfo.processInfo.environment["COHORT_GOLDENS"].map { "\($0)/\(name)" } ?? fixture(name, beside: file)
}

/// A file in the `Fixtures` folder beside the test that asks.
public func fixture(_ name: String, beside file: String = #filePath) -> String {
  URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)").path
}
