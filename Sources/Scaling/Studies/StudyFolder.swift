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
  public func measurements(settings: String) -> [Measurement] { all().filter { $0.study == settings } }

  /// How many measurements belong to other settings.
  public func foreignCount(settings: String) -> Int { all().count { $0.study != settings } }

  /// A line that was cut off by a crash counts as not measured.
  private func all() -> [Measurement] {
    guard let text = try? String(contentsOfFile: measurementsPath, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Measurement.self, from: Data($0.utf8)) }
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
