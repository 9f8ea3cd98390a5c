// One operation of a rank, as it lies in the flight file and as it travels to the rank that watches.

/// What a rank may be doing.
public enum FlightPhase: UInt8, Sendable, CaseIterable {
  case start, prior, load, compute, average, control, update, checkpoint, validation, done, prediction, decision, preparation
  case exchange

  /// Whether a rank does nothing but wait for the others in this phase.
  var isWaiting: Bool { [.average, .control, .exchange].contains(self) }

  /// Whether a single operation of this phase may take minutes.
  var isLong: Bool { [.start, .prior, .checkpoint, .validation, .done, .prediction, .decision, .preparation].contains(self) }
}

/// One operation. The memory layout is the file's and the message's: the same program runs on every rank.
package struct FlightRecord: BitwiseCopyable {
  static let detailBytes = 86

  /// Counts the operations of a rank from 1; 0 is none.
  package var sequence: UInt64 = 0
  /// Seconds since 1970.
  package var began = 0.0
  /// The time at which it began or last got further, by the rank's clock, which stands still while the rank does; seconds.
  package var advanced = 0.0
  /// Counts from 1; 0 before the first.
  package var step: Int64 = 0
  package var phase = FlightPhase.start.rawValue
  private var detailCount: UInt8 = 0
  private var detailText = InlineArray<86, UInt8>(repeating: 0)

  /// The lane, case or file; cut off where it does not fit.
  package var detail: String {
    get { String(decoding: (0..<min(Int(detailCount), Self.detailBytes)).map { detailText[$0] }, as: UTF8.self) }
    set {
      detailCount = 0
      for byte in newValue.utf8.prefix(Self.detailBytes) {
        detailText[Int(detailCount)] = byte
        detailCount += 1
      }
    }
  }

  var phaseName: String { FlightPhase(rawValue: phase).map { "\($0)" } ?? "phase \(phase)" }

  /// For people: `load (lane 2) of step 17`.
  package var operation: String {
    (detail.isEmpty ? phaseName : "\(phaseName) (\(detail))") + (step > 0 ? " of step \(step)" : "")
  }
}
