// The sum of what the lanes of a rank add, as both averagers keep it: a flat vector that a second thread may send in parts. The
// first lane of a step replaces what the step before left, which saves a pass over the memory.

import MPI

/// [P] numbers in memory that does not move.
final class LaneSum<Element: MessageElement> {
  let values: UnsafeMutableBufferPointer<Element>
  /// The number of values added in the step, over all lanes; each lane adds every parameter once.
  private var valuesAdded = 0
  private(set) var largestBits: Int32 = 0

  init(count: Int, zero: Element) {
    values = .allocate(capacity: count)
    values.initialize(repeating: zero)
  }

  deinit { values.deallocate() }

  /// Whether the next lane is the first one of a step.
  private var isEmpty: Bool { valuesAdded < values.count }

  func begin() { (valuesAdded, largestBits) = (0, 0) }

  /// Runs `body` on the sums of a range; it returns the greatest magnitude that it added.
  func add(_ range: Range<Int>, _ body: (_ sums: UnsafeMutablePointer<Element>, _ replaces: Bool) -> Int32) {
    raise(largestBits: body(values.baseAddress! + range.lowerBound, isEmpty))
    valuesAdded += range.count
  }

  func raise(largestBits bits: Int32) { largestBits = max(largestBits, bits) }
}
