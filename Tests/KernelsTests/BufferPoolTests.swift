// The pool counts what is in use and gives the same memory out again.

import Kernels
import Testing

@Suite(.serialized) struct BufferPoolTests {
  @Test func memoryIsUsedAgain() {
    var first: Storage? = Storage(count: 100_000)
    let address = first!.pointer
    first = nil
    let second = Storage(count: 100_000)
    #expect(second.pointer == address)
    #expect(UInt(bitPattern: second.pointer) % 64 == 0)
  }

  @Test func neighboursThatAreFreeJoin() {
    var parts: [Storage?] = (0..<4).map { _ in Storage(count: 50_000) }
    let start = parts[0]!.pointer
    for index in [1, 3, 0, 2] { parts[index] = nil }  // to the left, to the right, and between two free ones
    let whole = Storage(count: 200_000)
    #expect(whole.pointer == start)
  }

  @Test func thePeakIsWhatWasInUseAtOnce() {
    BufferPool.resetPeak()
    let before = BufferPool.peakBytes
    for _ in 0..<3 { _ = Storage(count: 1 << 20) }
    let once = BufferPool.peakBytes - before
    let kept = [Storage(count: 1 << 20), Storage(count: 1 << 20)]
    withExtendedLifetime(kept) { #expect(BufferPool.peakBytes - before == 2 * once) }
    #expect(once >= 4 << 20 && once < 5 << 20)
  }
}
