// One event of TensorBoard: numbers, distributions and pictures of a step (tensorflow/tensorboard 2.21, compat/proto/event.proto and summary.proto).

import Files
import Foundation

/// A message `Event`. Its first fields are the time and the step, by which `step(of:)` knows it again.
struct TensorBoardEvent {
  private var message = ProtocolMessage()
  private var summary = ProtocolMessage()

  init(step: Int) {
    message.add(Date().timeIntervalSince1970, as: 1)
    message.add(step, as: 2)
  }

  /// The first record of a file.
  static var version: [UInt8] {
    var event = TensorBoardEvent(step: 0)
    event.message.add("brain.Event:2", as: 3)
    return event.message.bytes
  }

  /// Tells a TensorBoard that is looking on that what it has seen of this step and later ones counts no more.
  static func start(at step: Int) -> [UInt8] {
    var log = ProtocolMessage(), event = TensorBoardEvent(step: step)
    log.add(1, as: 1)
    event.message.add(log, as: 7)
    return event.message.bytes
  }

  /// The record.
  var bytes: [UInt8] {
    var whole = message
    whole.add(summary, as: 5)
    return whole.bytes
  }

  mutating func add(_ value: Double, as tag: String) { add(tag) { $0.add(Float(value), as: 2) } }

  /// Adds a picture.
  /// - Parameter png: the whole file.
  mutating func add(picture png: [UInt8], width: Int, height: Int, as tag: String) {
    var picture = ProtocolMessage()
    picture.add(height, as: 1)
    picture.add(width, as: 2)
    picture.add(3, as: 3)
    picture.add(png, as: 4)
    add(tag) { $0.add(picture, as: 4) }
  }

  /// Adds how values are distributed; nothing where one is not finite.
  mutating func add(distribution values: UnsafeBufferPointer<Float>, as tag: String) {
    guard let histogram = Histogram(values) else { return }
    add(tag) { $0.add(histogram.message, as: 5) }
  }

  private mutating func add(_ tag: String, _ fill: (inout ProtocolMessage) -> Void) {
    var value = ProtocolMessage()
    value.add(tag, as: 1)
    fill(&value)
    summary.add(value, as: 1)
  }

  /// The step of a record of ours, by its first bytes: nine of the time, then the step; nil for others.
  static func step(of record: ArraySlice<UInt8>) -> Int? {
    let rest = record.dropFirst(9)
    guard record.first == 0x09, rest.first == 0x10 else { return nil }
    var step = 0, shift = 0
    for byte in rest.dropFirst() {
      guard shift < 63 else { return nil }
      step |= Int(byte & 127) << shift
      if byte < 128 { return step }
      shift += 7
    }
    return nil
  }
}

/// Values in buckets of equal width.
private struct Histogram {
  private static let buckets = 30
  private var least = Double.infinity, greatest = -Double.infinity, sum = 0.0, squares = 0.0
  private var counts = [Double](repeating: 0, count: buckets)
  private let values: Int

  /// Nil without values, and where one is not finite.
  init?(_ values: UnsafeBufferPointer<Float>) {
    self.values = values.count
    for value in values {
      let value = Double(value)
      (least, greatest) = (min(least, value), max(greatest, value))
      sum += value
      squares += value * value
    }
    guard !values.isEmpty, sum.isFinite, squares.isFinite else { return nil }
    let scale = greatest > least ? Double(Self.buckets) / (greatest - least) : 0
    for value in values { counts[min(Self.buckets - 1, Int((Double(value) - least) * scale))] += 1 }
  }

  /// A message `HistogramProto`: the limits are the upper ends of the buckets.
  var message: ProtocolMessage {
    var message = ProtocolMessage()
    for (field, value) in [least, greatest, Double(values), sum, squares].enumerated() { message.add(value, as: field + 1) }
    message.add(packed: counts.indices.map { least + (greatest - least) * Double($0 + 1) / Double(Self.buckets) }, as: 6)
    message.add(packed: counts, as: 7)
    return message
  }
}
