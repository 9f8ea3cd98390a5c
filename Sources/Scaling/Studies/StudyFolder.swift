// The folder of a study: the study itself, one JSON line for each measurement, the report. Lines are appended and flushed one by
// one, so that an interrupted study loses nothing but the measurement that was going on.

import Files
import Foundation

public struct StudyFolder: Sendable {
  static let studyName = "study.yaml"
  public let path: String

  public init(_ path: String) { self.path = path }

  public var measurementsPath: String { path + "/measurements.jsonl" }

  /// The measurements of the study with these settings, oldest first; the others are left alone.
  public func measurements(settings: String) throws -> [Measurement] { try all().filter { $0.study == settings } }

  /// How many measurements belong to other settings.
  public func foreignCount(settings: String) throws -> Int { try all().count { $0.study != settings } }

  /// A line that was cut off by a crash counts as not measured; one with numbers that no measurement can have is an error.
  private func all() throws -> [Measurement] {
    guard FileManager.default.fileExists(atPath: measurementsPath) else { return [] }
    let lines = try readAll(measurementsPath, atMost: 1 << 30).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return try lines.enumerated().compactMap { number, line in
      guard let measurement = try? JSONDecoder().decode(Measurement.self, from: Data(line)) else { return nil }
      guard measurement.isPossible else {
        throw ScalingError(
          "Line \(number + 1) of \(measurementsPath) has numbers that no measurement can have: remove it and run the study again."
        )
      }
      return measurement
    }
  }

  /// Keeps the study's text beside its measurements.
  func keep(_ study: Study) throws {
    try makeFolder(path)
    try writeDurably(Array(study.yaml.utf8), to: "\(path)/\(Self.studyName)")
  }

  func append(_ measurement: Measurement) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var line = Array(try encoder.encode(measurement)) + [UInt8(ascii: "\n")]
    if !FileManager.default.fileExists(atPath: measurementsPath) { try writeDurably([], to: measurementsPath) }
    guard let file = FileHandle(forUpdatingAtPath: measurementsPath) else {
      throw ScalingError("Cannot write \(measurementsPath): check its permissions.")
    }
    defer { try? file.close() }
    let end = try file.seekToEnd()
    if end > 0 {
      try file.seek(toOffset: end - 1)
      if try file.read(upToCount: 1) != Data("\n".utf8) { line.insert(UInt8(ascii: "\n"), at: 0) }
    }
    try file.write(contentsOf: Data(line))
    try file.synchronize()
  }
}

extension Study {
  /// The folder in which the ranks of a point leave their files.
  public func folder(of point: StudyPoint) -> String { "\(self.output)/runs/\(point.name)" }
}
