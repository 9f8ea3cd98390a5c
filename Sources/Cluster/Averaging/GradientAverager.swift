// Averaging gradients over the lanes of all ranks, and the catalogue of ways to do it. P parameters in one flat vector.

import MPI

/// The outcome of averaging, the same on every rank.
public enum AveragingOutcome: Sendable, Equatable {
  /// The average is sound; `largest` is the greatest magnitude in any lane's gradient.
  case averaged(largest: Float)
  /// Some lane's gradient holds a NaN or an infinity: there is no average; skip the step.
  case nonFinite
  /// Some lane's gradient is too large to be added: there is no average; skip the step. The next one expects gradients of this
  /// size.
  case outOfRange(largest: Float)

  public var isUsable: Bool { if case .averaged = self { true } else { false } }
}

/// One way to average. Every rank has lanes, as evenly as it can be (`LanePlan`). In each step: `begin`; `add` the gradient of every
/// lane of this rank but the last; with that of the last lane `average` every range, in the same order on all ranks; `judge` by what
/// all ranks know whether the averages are sound.
public protocol GradientAverager: AnyObject, SendableMetatype {
  /// The name in run files.
  static var name: String { get }
  /// One line for lists and reports.
  static var summary: String { get }

  init(parameterCount: Int)
  var parameterCount: Int { get }

  /// What the next step depends on, to be saved with a checkpoint.
  var carried: String { get }
  func restore(carried: String) throws(ClusterError)

  func begin()

  /// Adds a range of one lane's gradient; `values` are those of the range.
  func add(_ values: UnsafeBufferPointer<Float>, at range: Range<Int>)

  /// Replaces a range of the gradient of this rank's last lane by the average over all `lanes` (of all ranks). Collective; may run on
  /// another thread.
  func average(
    _ gradient: UnsafeMutableBufferPointer<Float>, at range: Range<Int>, lanes: Int, over communicator: borrowing Communicator
  ) throws(MPIError)

  /// Averages without other ranks.
  func average(_ gradient: UnsafeMutableBufferPointer<Float>, at range: Range<Int>, lanes: Int)

  /// The greatest magnitude that this rank has seen in the gradients of the step, as the bits of a Float: they compare as integers.
  /// The greatest of all ranks is that of all lanes.
  var largestBits: Int32 { get }

  /// The bytes of a value in an allreduce that would move as many: half of what a value takes there and back.
  static func bytesOfValue(lanes: Int, ranks: Int) -> Int

  /// Whether what `average` left in this step are averages. Called once in each step.
  /// - Parameter largestBits: the greatest of all ranks.
  func judge(lanes: Int, largestBits: Int32) throws(ClusterError) -> AveragingOutcome
}

/// Every averager, the default first. Add yours as one line.
public let averagerCatalog: [any GradientAverager.Type] = [
  ExactAverager.self,
  FastAverager.self,
]

/// The averager called `name`.
public func averager(named name: String) throws(ClusterError) -> any GradientAverager.Type {
  guard let found = averagerCatalog.first(where: { $0.name == name }) else {
    let names = averagerCatalog.map { $0.name }.joined(separator: ", ")
    throw ClusterError("There is no gradient averager named \(name). Choose one of: \(names).")
  }
  return found
}

/// Magnitudes as the bits of a Float without its sign: they compare as integers, and every NaN exceeds infinity exceeds every
/// number.
enum MagnitudeBits {
  static let infinity: Int32 = 0x7F80_0000

  @inline(__always) static func of(_ value: Float) -> Int32 { Int32(bitPattern: value.bitPattern & 0x7FFF_FFFF) }
}
