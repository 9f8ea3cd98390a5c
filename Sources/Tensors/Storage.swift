// Memory of tensors, recycled: asking the system for 100 MB and touching it costs as much as a convolution.

import Synchronization

/// A buffer of floats, aligned to 64 bytes. Contents are undefined until written.
public final class Storage: @unchecked Sendable {
  // Unchecked: a storage is written by the thread that made it, before others see it.
  public let pointer: UnsafeMutablePointer<Float>
  private let capacity: Int

  public init(count: Int) {
    capacity = BufferPool.sizeClass(count)
    pointer = BufferPool.take(capacity)
  }

  deinit { BufferPool.giveBack(pointer, capacity) }
}

/// Released buffers by size, kept for the next tensor of about that size.
public enum BufferPool {
  private struct State: ~Copyable {
    var free: [Int: [UnsafeMutableRawPointer]] = [:]
  }
  private static let state = Mutex(State())

  /// `count` rounded up so that at most an eighth is wasted and sizes meet again.
  static func sizeClass(_ count: Int) -> Int {
    let least = max(count, 64), step = max(16, (1 << (Int.bitWidth - 1 - least.leadingZeroBitCount)) / 8)
    return (least + step - 1) / step * step
  }

  static func take(_ capacity: Int) -> UnsafeMutablePointer<Float> {
    let bytes = capacity * MemoryLayout<Float>.stride
    let address: UInt = state.withLock { state in
      if let kept = state.free[capacity]?.popLast() { return UInt(bitPattern: kept) }
      return UInt(bitPattern: UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64))
    }
    return UnsafeMutableRawPointer(bitPattern: address)!.bindMemory(to: Float.self, capacity: capacity)
  }

  static func giveBack(_ pointer: UnsafeMutablePointer<Float>, _ capacity: Int) {
    let address = UInt(bitPattern: pointer)
    state.withLock { state in
      state.free[capacity, default: []].append(UnsafeMutableRawPointer(bitPattern: address)!)
    }
  }
}
