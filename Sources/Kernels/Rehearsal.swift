// What a step will need, found by going through it without computing: kernels return at once, buffers are handed out but never written,
// so that they cost no memory, and the pool counts what would have been in use.

public enum Rehearsal {
  /// Whether the kernels that this thread calls are to leave their results undefined.
  @TaskLocal public static var isOn = false

  /// The most bytes that buffers took at one time while `body` ran, beyond those in use before. Buffers of other threads are counted too.
  public static func peakBytes(_ body: () throws -> Void) rethrows -> Int {
    BufferPool.resetPeak()
    let before = BufferPool.peakBytes
    try $isOn.withValue(true, operation: body)
    return BufferPool.peakBytes - before
  }

  /// Computes a value that outlives the step: one that is made when it is first asked for must not stay without contents because a rehearsal asked first.
  public static func lasting<Value>(_ make: () -> Value) -> Value { $isOn.withValue(false, operation: make) }
}
