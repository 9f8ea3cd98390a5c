// How the learning rate changes over the steps of a run: linear warm-up, then one of several curves over the remaining steps.

import Kernels

/// One curve of the learning rate.
public protocol Schedule: Sendable, SendableMetatype {
  /// The name in a run file, for example "polynomial".
  static var name: String { get }
  /// One line for lists.
  static var summary: String { get }
  init(_ settings: ScheduleSettings)
  var settings: ScheduleSettings { get }
  /// The learning rate `step` steps after the warm-up's end, of `total` that remain then.
  func learningRateAfterWarmUp(at step: Int, of total: Int, base: Double) -> Double
}

extension Schedule {
  /// The learning rate of a step, from 0, in a run of `total` steps. Warm-up rises in equal parts to `base`, which its last step has.
  public func learningRate(at step: Int, of total: Int, base: Double) -> Double {
    let warmUp = settings.warmUp
    if step < warmUp { return base * Double(step + 1) / Double(warmUp) }
    return learningRateAfterWarmUp(at: step - warmUp, of: max(1, total - warmUp), base: base)
  }
}

/// Every schedule; the first is the default. Add yours as one line.
public let scheduleCatalog: [any Schedule.Type] = [
  PolynomialSchedule.self,
  StepSchedule.self,
  ConstantSchedule.self,
  CosineSchedule.self,
]

/// Builds a schedule by name.
public func makeSchedule(named name: String, _ settings: ScheduleSettings) throws(LearningError) -> any Schedule {
  guard let type = scheduleCatalog.first(where: { $0.name == name }) else {
    throw LearningError(
      "there is no schedule \"\(name)\": choose one of \(scheduleCatalog.map { $0.name }.joined(separator: ", ")).")
  }
  return type.init(settings)
}

/// All numbers of all schedules, each read by those that use it.
public struct ScheduleSettings: Sendable, Equatable {
  /// The exponent of the polynomial.
  public var power: Double
  /// Steps between drops (step).
  public var stepSize: Int
  /// The factor of a drop (step).
  public var gamma: Double
  /// The learning rate at the end (cosine).
  public var minimum: Double
  /// Steps of linear warm-up (all).
  public var warmUp: Int

  public init(power: Double = 0.9, stepSize: Int = 2500, gamma: Double = 0.1, minimum: Double = 0, warmUp: Int = 0) {
    (self.power, self.stepSize, self.gamma, self.minimum, self.warmUp) = (power, stepSize, gamma, minimum, warmUp)
  }
}

/// base · (1 - t/T)^power.
public struct PolynomialSchedule: Schedule {
  public static let name = "polynomial"
  public static let summary = "falls to 0 as base (1 - t/T)^power"
  public let settings: ScheduleSettings
  public init(_ settings: ScheduleSettings = ScheduleSettings()) { self.settings = settings }

  public func learningRateAfterWarmUp(at step: Int, of total: Int, base: Double) -> Double {
    base * raise(1 - Double(step) / Double(total), to: settings.power)
  }
}

/// base · gamma^⌊t / stepSize⌋.
public struct StepSchedule: Schedule {
  public static let name = "step"
  public static let summary = "drops by the factor gamma every stepSize steps"
  public let settings: ScheduleSettings
  public init(_ settings: ScheduleSettings) { self.settings = settings }

  public func learningRateAfterWarmUp(at step: Int, of total: Int, base: Double) -> Double {
    base * raise(settings.gamma, to: Double(step / settings.stepSize))
  }
}

/// base.
public struct ConstantSchedule: Schedule {
  public static let name = "constant"
  public static let summary = "stays at base"
  public let settings: ScheduleSettings
  public init(_ settings: ScheduleSettings) { self.settings = settings }

  public func learningRateAfterWarmUp(at step: Int, of total: Int, base: Double) -> Double { base }
}

/// From base along half a cosine to minimum.
public struct CosineSchedule: Schedule {
  public static let name = "cosine"
  public static let summary = "falls from base to minimum along half a cosine"
  public let settings: ScheduleSettings
  public init(_ settings: ScheduleSettings) { self.settings = settings }

  public func learningRateAfterWarmUp(at step: Int, of total: Int, base: Double) -> Double {
    let floor = settings.minimum / base, progress = Double(step) / Double(total)
    return base * (floor + (1 - floor) * 0.5 * (1 + cosine(.pi * progress)))
  }
}
