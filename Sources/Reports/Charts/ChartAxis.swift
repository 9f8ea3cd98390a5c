// One axis of a chart: what range of values it shows, where its ticks are, and how a value becomes a place.

import Foundation

/// A linear or logarithmic axis.
public struct ChartAxis: Sendable {
  public enum Scale: Sendable {
    case linear
    /// Ticks at powers of two, or of ten where these would be too many.
    case logarithmic
    /// Logarithmic with ticks at powers of four, as 4K, 16K, 64K.
    case bytes
  }
  /// The title with the unit.
  public let title: String
  public let scale: Scale
  let low: Double
  let high: Double
  package let ticks: [Double]

  /// - Parameters:
  ///   - values: what must be seen; on a logarithmic axis what is not positive is left out.
  ///   - fromZero: whether a linear axis begins at zero.
  public init(_ title: String, _ scale: Scale, values: [Double], fromZero: Bool = false) {
    (self.title, self.scale) = (title, scale)
    let seen = values.filter { $0.isFinite && (scale == .linear || $0 > 0) }
    var (low, high) = (seen.min() ?? 1, seen.max() ?? 2)
    switch scale {
    case .linear:
      if fromZero { low = min(0, low) }
      if high <= low { high = low + 1 }
      let step = Self.roundStep((high - low) / 5)
      low = (low / step).rounded(.down) * step
      high = (high / step - 1e-9).rounded(.up) * step
      ticks = stride(from: 0, through: ((high - low) / step).rounded(), by: 1).map { low + $0 * step }
    case .logarithmic, .bytes:
      let base = scale == .bytes ? 4.0 : high / low > 4096 ? 10 : 2
      let first = (log(low) / log(base) + 1e-9).rounded(.down), last = (log(high) / log(base) - 1e-9).rounded(.up)
      ticks = stride(from: first, through: max(last, first + 1), by: 1).map { pow(base, $0) }
      (low, high) = (ticks.first!, ticks.last!)
    }
    (self.low, self.high) = (low, high)
  }

  /// 0 at the low end, 1 at the high end; values beyond stop there.
  package func share(_ value: Double) -> Double {
    let share =
      switch scale {
      case .linear: (value - low) / (high - low)
      case .logarithmic, .bytes: value > 0 ? log(value / low) / log(high / low) : 0
      }
    return min(1, max(0, share))
  }

  /// A tick's text: no more digits than it needs.
  package func label(_ value: Double) -> String {
    if value == 0 { return "0" }
    if scale == .bytes, value >= 1024 {
      let kibibytes = Int(value) >> 10
      return kibibytes < 1 << 10 ? "\(kibibytes)K" : kibibytes < 1 << 20 ? "\(kibibytes >> 10)M" : "\(kibibytes >> 20)G"
    }
    if abs(value) >= 1e6 || abs(value) < 1e-3 { return String(format: "%.3g", value) }
    return String(format: "%.4g", value)
  }

  /// 1, 2 or 5 times a power of ten, at least `step`.
  private static func roundStep(_ step: Double) -> Double {
    let power = pow(10, log10(step).rounded(.down))
    return power * ([1, 2, 5, 10].first { $0 * power >= step * (1 - 1e-9) } ?? 10)
  }
}
