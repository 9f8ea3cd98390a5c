// Memory of tensors and of kernels' working space. A tape takes buffers in forward order and gives them back in reverse, so first fit at
// the lowest address in one region keeps the resident size close to what is alive; asking the system each time would cost as much as a
// convolution, because fresh pages must be cleared.

import CKernels
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A buffer of floats: of the pool, aligned to 64 bytes with undefined contents until written; or someone else's memory, only read.
public final class Storage: @unchecked Sendable {
  // Unchecked: a storage is written by the thread that made it, before others see it.
  public let pointer: UnsafeMutablePointer<Float>
  /// Keeps foreign memory alive; nil for a buffer of the pool.
  private let owner: AnyObject?

  public init(count: Int) { (pointer, owner) = (BufferPool.take(count), nil) }

  /// Memory that `owner` keeps readable for as long as it lives, such as a mapped file. Nothing may write to it: a read-only page
  /// ends the process.
  /// - Parameter pointer: aligned to 4 bytes.
  public init(readingFrom pointer: UnsafePointer<Float>, of owner: AnyObject) {
    (self.pointer, self.owner) = (UnsafeMutablePointer(mutating: pointer), owner)
  }

  deinit { if owner == nil { BufferPool.giveBack(pointer) } }
}

/// The source of the memory of `Storage`.
public enum BufferPool {
  // Far more than there is, so that a rehearsal of what does not fit can be gone through; addresses cost nothing.
  private static let region = Mutex(Region(reserving: max(1 << 40, 16 * physicalMemory)))

  /// The most bytes that were in use at one time since `resetPeak`.
  public static var peakBytes: Int { region.withLock { $0.peak } }

  public static func resetPeak() { region.withLock { $0.peak = $0.used } }

  static func take(_ count: Int) -> UnsafeMutablePointer<Float> {
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    let address = region.withLock { $0.take(bytes) }
    guard let address else {
      fatalError("out of memory: \(bytes) bytes for one tensor: use a smaller patch or batch, or memory: lean.")
    }
    let start = UnsafeMutableRawPointer(bitPattern: address)!
    cohort_allow(start, bytes)
    return start.bindMemory(to: Float.self, capacity: count)
  }

  static func giveBack(_ pointer: UnsafeMutablePointer<Float>) {
    region.withLock { $0.giveBack(UInt(bitPattern: pointer)) }
  }

  private static var physicalMemory: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }
}

/// One range of addresses cut into blocks; pages cost memory only once they are written.
private struct Region: ~Copyable {
  private struct Block {
    var start: UInt
    var size: UInt
  }
  private let bounds: Block
  /// Free blocks in address order, no two adjacent.
  private var free: [Block]
  private var sizes: [UInt: UInt] = [:]
  /// The end of the part that may be written. It grows as it is needed, because systems that never promise more memory than they
  /// have (vm.overcommit_memory = 2) count what may be written, not what is reserved.
  private var writableEnd: UInt
  private(set) var used = 0
  var peak = 0

  init(reserving bytes: Int) {
    var size = bytes
    while true {
      let found = mmap(nil, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      if let found, found != MAP_FAILED {
        madvise(found, size, MADV_HUGEPAGE)  // fewer page faults and address look-ups; a refusal costs only speed
        bounds = Block(start: UInt(bitPattern: found), size: UInt(size))
        free = [bounds]
        writableEnd = bounds.start
        return
      }
      size /= 2  // an address-space limit (ulimit -v)
      if size < 1 << 20 { fatalError("no address space for tensors: raise `ulimit -v`.") }
    }
  }

  /// The address of `bytes` bytes, nil if no block is large enough.
  mutating func take(_ bytes: Int) -> UInt? {
    // 448 more than asked for: buffers of equal power-of-two size would else start at the same place in a page, and streams that run
    // through several of them in step would evict one another.
    let size = (UInt(bytes) + 448 + 63) & ~63
    guard let index = free.firstIndex(where: { $0.size >= size }) else { return nil }
    let start = free[index].start
    guard makeWritable(upTo: start + size) else { return nil }
    if free[index].size == size {
      free.remove(at: index)
    } else {
      free[index].start += size
      free[index].size -= size
    }
    sizes[start] = size
    cohort_forbid(UnsafeRawPointer(bitPattern: start), Int(size))
    used += Int(size)
    peak = max(peak, used)
    return start
  }

  private mutating func makeWritable(upTo end: UInt) -> Bool {
    if end <= writableEnd { return true }
    let step: UInt = 256 << 20, whole = (end - bounds.start + step - 1) / step * step
    let newEnd = bounds.start + min(whole, bounds.size)
    let from = UnsafeMutableRawPointer(bitPattern: writableEnd)
    guard mprotect(from, Int(newEnd - writableEnd), PROT_READ | PROT_WRITE) == 0 else { return false }
    writableEnd = newEnd
    return true
  }

  mutating func giveBack(_ start: UInt) {
    let size = sizes.removeValue(forKey: start)!
    cohort_forbid(UnsafeRawPointer(bitPattern: start), Int(size))
    used -= Int(size)
    let next = free.firstIndex { $0.start > start } ?? free.endIndex
    let joinsNext = next < free.endIndex && free[next].start == start + size
    let joinsPrevious = next > 0 && free[next - 1].start + free[next - 1].size == start
    switch (joinsPrevious, joinsNext) {
    case (true, true):
      free[next - 1].size += size + free[next].size
      free.remove(at: next)
    case (true, false): free[next - 1].size += size
    case (false, true): free[next] = Block(start: start, size: size + free[next].size)
    case (false, false): free.insert(Block(start: start, size: size), at: next)
    }
  }
}
