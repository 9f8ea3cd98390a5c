// How the learning rate changes over the steps of a stage: linear warm-up, then one of several curves over the remaining steps.

import Kernels

/// One curve of the learning rate.
public struct ScheduleCurve: Sendable {
  /// The name in a run file.
  public let name: String
  /// One line for lists.
  public let summary: String
  /// The learning rate t steps after the warm-up, of the T that remain then.
  let rate: @Sendable (_ t: Int, _ total: Int, _ base: Double, ScheduleSettings) -> Double
}

/// Every curve; the first is the default. Add yours as one entry.
public let scheduleCatalog: [ScheduleCurve] = [
  ScheduleCurve(name: "polynomial", summary: "falls to 0 as base (1 - t/T)^power") { t, total, base, settings in
    base * raise(1 - Double(t) / Double(total), to: settings.power)
  },
  ScheduleCurve(name: "step", summary: "drops by the factor gamma every stepSize steps") { t, _, base, settings in
    base * raise(settings.gamma, to: Double(t / settings.stepSize))
  },
  ScheduleCurve(name: "constant", summary: "stays at base") { _, _, base, _ in base },
  ScheduleCurve(name: "cosine", summary: "falls from base to minimum along half a cosine") { t, total, base, settings in
    let floor = settings.minimum / base
    return base * (floor + (1 - floor) * 0.5 * (1 + cosine(.pi * (Double(t) / Double(total)))))
  },
]

/// All numbers of all curves, each read by those that know it.
public struct ScheduleSettings: Sendable, Equatable {
  /// The exponent of the polynomial.
  public var power: Double
  /// Steps between drops, and the factor of a drop (step).
  public var stepSize: Int
  public var gamma: Double
  /// The learning rate at the end (cosine).
  public var minimum: Double
  /// Steps of linear warm-up (all).
  public var warmUp: Int
  /// Steps after the warm-up that share a learning rate, that of their first (all).
  public var epochSteps: Int

  public init(
    power: Double = 0.9, stepSize: Int = 2500, gamma: Double = 0.1, minimum: Double = 0, warmUp: Int = 0, epochSteps: Int = 1
  ) {
    (self.power, self.stepSize, self.gamma, self.minimum) = (power, stepSize, gamma, minimum)
    (self.warmUp, self.epochSteps) = (warmUp, epochSteps)
  }
}

/// A curve with its numbers.
public struct Schedule: Sendable {
  private let curve: ScheduleCurve
  private let settings: ScheduleSettings

  public init(named name: String, _ settings: ScheduleSettings = ScheduleSettings()) throws(LearningError) {
    guard let curve = scheduleCatalog.first(where: { $0.name == name }) else {
      throw LearningError(
        "there is no schedule \"\(name)\": choose one of \(scheduleCatalog.map(\.name).joined(separator: ", ")).")
    }
    (self.curve, self.settings) = (curve, settings)
  }

  /// The learning rate of a step, from 0, in a stage of `total` steps. Warm-up rises in equal parts to `base`, which its last step has.
  public func learningRate(at step: Int, of total: Int, base: Double) -> Double {
    let warmUp = settings.warmUp
    if step < warmUp { return base * Double(step + 1) / Double(warmUp) }
    let first = (step - warmUp) / settings.epochSteps * settings.epochSteps
    return curve.rate(first, max(1, total - warmUp), base, settings)
  }
}
