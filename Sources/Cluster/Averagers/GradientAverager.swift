// Averaging gradients over the lanes of all ranks, and the catalogue of ways to do it. P parameters in one flat vector.

import MPI

/// What averaging came to; every rank sees the same.
public enum AveragingOutcome: Sendable, Equatable {
  /// The average was written; `largest` is the greatest magnitude in any lane's gradient.
  case averaged(largest: Float)
  /// Some lane's gradient holds a NaN or an infinity: nothing was written; skip the step.
  case nonFinite
  /// Some lane's gradient is too large to be added: nothing was written; skip the step. The next one expects gradients of this size.
  case outOfRange(largest: Float)
}

/// One way to average. In each step: `begin`, `add` for each lane of this rank, `finish` on all ranks together.
public protocol GradientAverager: Sendable {
  /// The name in run files.
  static var name: String { get }
  /// One line for lists and reports.
  static var summary: String { get }

  init(parameterCount: Int)

  /// What the next step depends on, to be saved with a checkpoint.
  var carried: String { get }
  mutating func restore(carried: String) throws(ClusterError)

  mutating func begin()

  /// Adds the gradient of one lane, [P].
  mutating func add(laneGradient: UnsafeBufferPointer<Float>)

  /// Writes the average over all `lanes` (of all ranks) into `average`, [P], which keeps its values if the outcome is not `averaged`. Collective.
  mutating func finish(
    into average: UnsafeMutableBufferPointer<Float>, lanes: Int, over communicator: borrowing Communicator
  ) throws(ClusterError) -> AveragingOutcome
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

/// Magnitudes as the bits of a Float without its sign: they compare as integers, and every NaN exceeds infinity exceeds every number.
enum MagnitudeBits {
  static let infinity: Int32 = 0x7F80_0000

  @inline(__always) static func of(_ value: Float) -> Int32 { Int32(bitPattern: value.bitPattern & 0x7FFF_FFFF) }
}

/// The greatest magnitude over all ranks, as bits.
func greatest(_ bits: Int32, over communicator: borrowing Communicator) throws(ClusterError) -> Int32 {
  try clustered { () throws(MPIError) in Int32(try communicator.allreduce(Int64(bits), .maximum)) }
}
