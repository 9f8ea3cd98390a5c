// One pool of threads: libgomp's, shared with oneDNN and OpenBLAS, so that nothing runs on more threads than the rank was given.

import CKernels
import COpenMP

/// The threads that kernels of this process use.
public enum Threads {
  /// The size of the pool: OMP_NUM_THREADS, or what `set` was given, or the processors that the process may run on.
  public static var count: Int { Int(omp_get_max_threads()) }

  /// The most threads that a process may be asked to compute with.
  public static let most = 1024

  /// Why OMP_NUM_THREADS is no number of threads, as a sentence; nil if it is one or is not there. Numbers for loops within loops may follow. libgomp
  /// would start as many as it says, or pass it over.
  public static func problem(_ environment: [String: String]) -> String? {
    guard let text = environment["OMP_NUM_THREADS"] else { return nil }
    let first = text.split(separator: ",", omittingEmptySubsequences: false)[0].filter { $0 != " " }
    if let count = Int(first), (1...most).contains(count) { return nil }
    return "OMP_NUM_THREADS is \"\(text)\": give a number of threads from 1 to \(most)."
  }

  public static func set(_ count: Int) { omp_set_num_threads(Int32(max(1, count))) }

  /// Lets the calling thread, which works briefly and often, have a core as soon as it wakes rather than when the thread that computes there has used
  /// up its slice of some milliseconds: Linux 6.12 and later prefer short slices; others wake such threads at once.
  public static func askForShortSlices() { _ = cohort_set_time_slice(100_000) }
}

/// Runs `body(start, end)` on consecutive parts of 0..<count, each at least `grain` long, as many parts as threads.
///
/// The parts depend on the number of threads: use it only where the parts do not change the result, and split reductions into fixed
/// blocks first (`forEachBlock`).
public func parallelFor(_ count: Int, grain: Int, _ body: (_ start: Int, _ end: Int) -> Void) {
  if Rehearsal.isOn { return }
  let parts = min(Threads.count, max(1, count / max(1, grain)))
  if parts <= 1 {
    if count > 0 { body(0, count) }
    return
  }
  withoutActuallyEscaping(body) { escaping in
    var work = ParallelWork(body: escaping, count: count, parts: parts)
    withUnsafeMutablePointer(to: &work) { GOMP_parallel(runPart, $0, UInt32(parts), 0) }
  }
}

/// Runs `body(block)` for each of `blocks`, spread over the threads. Which thread runs a block never changes what the block computes.
public func forEachBlock(_ blocks: Int, _ body: (Int) -> Void) {
  parallelFor(blocks, grain: 1) { start, end in for block in start..<end { body(block) } }
}

private struct ParallelWork {
  let body: (Int, Int) -> Void
  let count: Int
  let parts: Int
}

private let runPart: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
  let work = context!.assumingMemoryBound(to: ParallelWork.self)
  let parts = work.pointee.parts, count = work.pointee.count
  // libgomp gives fewer threads than it is asked for within another loop, and where OMP_DYNAMIC or OMP_THREAD_LIMIT says so.
  for part in stride(from: Int(omp_get_thread_num()), to: parts, by: Int(omp_get_num_threads())) {
    work.pointee.body(part * count / parts, (part + 1) * count / parts)
  }
}
