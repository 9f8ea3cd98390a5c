// What this process is doing, written down as it goes: by the main thread alone, read by the watch thread under a lock, by crash handlers without
// one and after death.

import Files
import Foundation
import Synchronization

/// The flight record of this process. Until it is opened, marks do nothing: programs without a run folder need not care.
public enum Flight {
  nonisolated(unsafe) private(set) static var recorder: FlightRecorder?

  /// Begins the record of this rank in a run folder, over that of an earlier start.
  public static func open(run: String, rank: Int, ranks: Int, host: String) throws(ClusterError) {
    recorder = try FlightRecorder(run: run, rank: rank, ranks: ranks, host: host)
  }

  /// A new operation begins.
  /// - Parameter step: counts from 1; nil for that of the operation before.
  public static func mark(_ phase: FlightPhase, step: Int? = nil, detail: String = "") {
    recorder?.mark(phase, step: step, detail: detail)
  }

  /// The same operation got further: the deadline of a long one holds for each of its pieces.
  public static func tick() { recorder?.tick() }
}

/// Writes the flight file. Lives as long as the process, since crash handlers hold its addresses.
package final class FlightRecorder: @unchecked Sendable {
  /// The mapped file.
  let file: UnsafeMutableRawPointer
  /// The sequence number of the last operation that is whole.
  private let newest = Atomic<UInt64>(0)
  /// The longest time that a piece of each phase has taken, seconds; the lock is over the records as well.
  private let longest = Mutex([Double](repeating: 0, count: FlightPhase.allCases.count))
  /// The time in which this process ran.
  let clock = AwakeClock()
  /// The last operation in words, for a crash handler, which cannot put words together.
  let operationText: UnsafeMutablePointer<iovec>
  /// Where the file keeps the signal of a crash.
  private let signalPlace: UnsafeMutableRawPointer
  private static let textBytes = 192

  package init(run: String, rank: Int, ranks: Int, host: String) throws(ClusterError) {
    let path = FlightFile.path(run: run, rank: rank)
    try? FileManager.default.createDirectory(atPath: FlightFile.folder(ofRun: run), withIntermediateDirectories: true)
    // A new file: a process of an earlier start that is still dying keeps its own.
    unlink(path)
    let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, newFilePermissions)
    guard descriptor >= 0 else {
      throw ClusterError("Cannot write \(path): \(String(cString: strerror(errno))). Check that the run folder is writable.")
    }
    defer { close(descriptor) }
    // A store into a page that the disk has no room for would kill the process later: take the room now.
    let refusal = posix_fallocate(descriptor, 0, off_t(FlightFile.bytes))
    guard refusal == 0 else {
      throw ClusterError("Cannot write \(path): \(String(cString: strerror(refusal))). Free some space in the run folder.")
    }
    guard let file = mmap(nil, FlightFile.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), file != MAP_FAILED else {
      throw ClusterError("Cannot map \(path): \(String(cString: strerror(errno))). Put the run folder on another file system.")
    }
    self.file = file
    operationText = .allocate(capacity: 1)
    operationText.initialize(to: iovec(iov_base: .allocate(byteCount: Self.textBytes, alignment: 1), iov_len: 0))
    signalPlace = file + MemoryLayout<FlightHeader>.offset(of: \.signal)!
    file.storeBytes(of: FlightHeader(rank: rank, ranks: ranks, host: host), as: FlightHeader.self)
  }

  package func mark(_ phase: FlightPhase, step: Int?, detail: String) {
    let before = current, now = clock.seconds
    var record = FlightRecord()
    record.sequence = before.sequence + 1
    record.began = wallSeconds()
    record.advanced = now
    record.step = step.map(Int64.init) ?? before.step
    record.phase = phase.rawValue
    record.detail = detail
    longest.withLock { longest in
      longest.note(now - before.advanced, of: before)
      file.storeBytes(of: record, toByteOffset: FlightFile.offset(of: record.sequence), as: FlightRecord.self)
      newest.store(record.sequence, ordering: .releasing)
    }
    setText(record.operation)
  }

  func tick() {
    let before = current, now = clock.seconds
    guard before.sequence > 0 else { return }
    let place = file + FlightFile.offset(of: before.sequence) + MemoryLayout<FlightRecord>.offset(of: \.advanced)!
    longest.withLock { longest in
      longest.note(now - before.advanced, of: before)
      place.storeBytes(of: now, as: Double.self)
    }
  }

  /// The last operation as a crash handler may read it, which must not wait for a lock, and the main thread, which alone writes.
  var current: FlightRecord {
    file.load(fromByteOffset: FlightFile.offset(of: newest.load(ordering: .acquiring)), as: FlightRecord.self)
  }

  /// The last operation, and the longest piece of its phase so far, seconds; 0 until one has ended.
  package var lastOperation: (record: FlightRecord, longest: Double) {
    longest.withLock { longest in
      let record = current
      return (record, longest.indices.contains(Int(record.phase)) ? longest[Int(record.phase)] : 0)
    }
  }

  /// Tells the launcher that the process is not stopped.
  func markAlive() {
    file.storeBytes(of: wallSeconds(), toByteOffset: MemoryLayout<FlightHeader>.offset(of: \.aliveAt)!, as: Double.self)
  }

  /// Records a crash; called in a signal handler.
  func markCrash(signal: Int32) { signalPlace.storeBytes(of: signal, as: Int32.self) }

  private func setText(_ text: String) {
    operationText.pointee.iov_len = 0
    var text = text
    text.withUTF8 { bytes in
      let count = min(bytes.count, Self.textBytes)
      if count > 0 { operationText.pointee.iov_base.copyMemory(from: bytes.baseAddress!, byteCount: count) }
      operationText.pointee.iov_len = count
    }
  }
}

extension [Double] {
  /// Takes note of how long a piece of an operation took, in seconds by phase. Even one that took no measurable time has ended.
  fileprivate mutating func note(_ seconds: Double, of record: FlightRecord) {
    // The file is mapped: others can have written into it.
    guard record.sequence > 0, indices.contains(Int(record.phase)) else { return }
    self[Int(record.phase)] = Swift.max(self[Int(record.phase)], seconds, 1e-9)
  }
}

/// Seconds of a clock that never jumps.
@Sendable package func steadySeconds() -> Double { seconds(CLOCK_MONOTONIC) }

/// Seconds since 1970.
func wallSeconds() -> Double { seconds(CLOCK_REALTIME) }

private func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The number of this start of the run, which `cohort launch` hands down; 1 without it.
var currentAttempt: Int { ProcessInfo.processInfo.environment[LaunchEnvironment.attempt].flatMap(Int.init) ?? 1 }
