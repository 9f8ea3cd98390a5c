// What a step will need, found by going through it without computing: kernels return at once, buffers are handed out but never written,
// so that they cost no memory, and the pool counts what would have been in use.

import Synchronization

public enum Rehearsal {
  private static let flag = Atomic<Bool>(false)

  /// True while kernels are to leave their results undefined.
  static var isOn: Bool { flag.load(ordering: .relaxed) }

  /// The most bytes that buffers took at one time while `body` ran, beyond those in use before. One rehearsal at a time, and no kernel of
  /// another thread meanwhile.
  public static func peakBytes(_ body: () throws -> Void) rethrows -> Int {
    flag.store(true, ordering: .relaxed)
    defer { flag.store(false, ordering: .relaxed) }
    BufferPool.resetPeak()
    let before = BufferPool.peakBytes
    try body()
    return BufferPool.peakBytes - before
  }
}
