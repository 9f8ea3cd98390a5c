// The pool counts what is in use and gives the same memory out again. Each test has a process of its own, because the pool is shared by all
// that runs in one.

import Kernels
import Testing

@Suite struct BufferPoolTests {
  @Test func memoryIsUsedAgain() async {
    await #expect(processExitsWith: .success) {
      var first: Storage? = Storage(count: 100_000)
      let address = first!.pointer
      first = nil
      let second = Storage(count: 100_000)
      require(second.pointer == address, "other memory was given")
      require(UInt(bitPattern: second.pointer) % 64 == 0, "memory is not aligned")
    }
  }

  @Test func neighboursThatAreFreeJoin() async {
    await #expect(processExitsWith: .success) {
      var parts: [Storage?] = (0..<4).map { _ in Storage(count: 50_000) }
      let start = parts[0]!.pointer
      for index in [1, 3, 0, 2] { parts[index] = nil }  // alone, to the right, to the left, and between two free ones
      let whole = Storage(count: 200_000)
      require(whole.pointer == start, "free neighbours were not joined")
    }
  }

  @Test func thePeakIsWhatWasInUseAtOnce() async {
    await #expect(processExitsWith: .success) {
      BufferPool.resetPeak()
      let before = BufferPool.peakBytes
      for _ in 0..<3 { _ = Storage(count: 1 << 20) }
      let once = BufferPool.peakBytes - before
      require(once >= 4 << 20 && once < 5 << 20, "\(once) bytes for one buffer")
      let kept = [Storage(count: 1 << 20), Storage(count: 1 << 20)]
      withExtendedLifetime(kept) { require(BufferPool.peakBytes - before == 2 * once, "two buffers are not twice one") }
    }
  }

  @Test func aRehearsalComputesNothing() async {
    await #expect(processExitsWith: .success) {
      var y: [Float] = [1, 2], x: [Float] = [3, 4]
      let bytes = Rehearsal.peakBytes {
        let buffer = Storage(count: 1 << 28)  // a gibibyte that is never written
        add(x, to: &y, count: 2)
        withExtendedLifetime(buffer) {}
      }
      require(bytes >= 1 << 30 && y == [1, 2], "\(bytes) bytes, \(y)")
      add(&x, to: &y, count: 2)
      require(y == [4, 6], "kernels did not come back: \(y)")
    }
  }
}
