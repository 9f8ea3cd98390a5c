// The flight file of a rank, RUN/flight/rank-0003.bin: a header, then a ring of its last operations. Fixed in size and mapped
// into memory, so that marking an operation is a few stores, and the kernel keeps what was stored even if the process is killed
// without warning.

import Files
import Foundation

/// The beginning of the file.
package struct FlightHeader: BitwiseCopyable {
  static let mark: UInt64 = 0x3154_4847_494c_4643  // "CFLIGHT1"

  var mark = Self.mark
  package var rank: Int32
  var ranks: Int32
  package var process: Int32
  /// The number of this start of the run by `cohort launch`, from 1.
  var attempt: Int32
  /// The signal that the process crashed with; 0 while all is well.
  var signal: Int32 = 0
  /// The time at which the watch thread last ran, seconds since 1970.
  package var aliveAt = wallSeconds()
  private var hostCount: Int32 = 0
  private var hostText = InlineArray<64, UInt8>(repeating: 0)

  init(rank: Int, ranks: Int, host: String) {
    (self.rank, self.ranks) = (Int32(rank), Int32(ranks))
    (process, attempt) = (getpid(), Int32(currentAttempt))
    for byte in host.utf8.prefix(64) {
      hostText[Int(hostCount)] = byte
      hostCount += 1
    }
  }

  /// Whether these are numbers of a rank.
  fileprivate var isPossible: Bool { ranks > 0 && 0..<ranks ~= rank && isMoment(aliveAt) }

  package var host: String { String(decoding: (0..<min(max(Int(hostCount), 0), 64)).map { hostText[$0] }, as: UTF8.self) }
}

extension FlightRecord {
  /// Whether these are numbers of an operation.
  fileprivate var isPossible: Bool { isMoment(began) && advanced.isFinite && step >= 0 }
}

/// Whether a number can be seconds since 1970: until the year 5138.
private func isMoment(_ seconds: Double) -> Bool { 0...1e11 ~= seconds }

package enum FlightFile {
  /// Operations that are kept.
  static let capacity = 256
  static let headerBytes = 4096
  package static let bytes = headerBytes + capacity * MemoryLayout<FlightRecord>.stride

  static func folder(ofRun run: String) -> String { run + "/flight" }
  static func path(run: String, rank: Int) -> String { folder(ofRun: run) + String(format: "/rank-%04d.bin", rank) }

  /// The place of an operation in the ring, in bytes.
  static func offset(of sequence: UInt64) -> Int {
    headerBytes + Int(sequence % UInt64(capacity)) * MemoryLayout<FlightRecord>.stride
  }
}

/// The flight of one rank, read back from its file.
public struct FlightLog: Sendable {
  package var header: FlightHeader
  /// Oldest first.
  package let records: [FlightRecord]

  init(path: String) throws(ClusterError) {
    let data: [UInt8]
    do throws(FileError) {
      data = try fileSize(path) == FlightFile.bytes ? readAll(path) : []
    } catch { throw ClusterError(error.description) }
    let header = data.count == FlightFile.bytes ? data.withUnsafeBytes { $0.loadUnaligned(as: FlightHeader.self) } : nil
    guard let header, header.mark == FlightHeader.mark, header.isPossible else {
      throw ClusterError("\(path) is not a flight record of this version. Name the folder of a run that this program trained.")
    }
    self.header = header
    records = data.withUnsafeBytes { bytes in
      (0..<FlightFile.capacity).map {
        bytes.loadUnaligned(fromByteOffset: FlightFile.offset(of: UInt64($0)), as: FlightRecord.self)
      }
    }.filter { $0.sequence > 0 }.sorted { $0.sequence < $1.sequence }
    guard records.allSatisfy(\.isPossible) else {
      throw ClusterError("\(path) is damaged: it has times that cannot be. Remove it to see the flights of the other ranks.")
    }
  }

  /// The flights of all ranks of a run's last start, in rank order.
  public static func all(ofRun run: String) throws(ClusterError) -> [FlightLog] {
    let folder = FlightFile.folder(ofRun: run)
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".bin") }.sorted()
    guard !names.isEmpty else {
      throw ClusterError("\(run) holds no flight records. Name the folder of a run that this program trained.")
    }
    var logs: [FlightLog] = []
    for name in names { logs.append(try FlightLog(path: "\(folder)/\(name)")) }
    // Files of ranks that an earlier start had and the last one has not.
    let ranks = logs[0].header.ranks
    return logs.filter { $0.header.rank < ranks }
  }
}
