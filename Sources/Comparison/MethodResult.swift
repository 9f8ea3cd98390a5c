// What a run of a comparison came to: one JSON file in its folder, by which a comparison that goes on knows that the run is done.

import Files
import Foundation
import Training

/// Scores of one run.
package struct MethodResult: Codable, Sendable {
  let method: String
  let labels: Int
  let seed: UInt64
  let subject: HeldOutCases
  /// See `MethodStudy.dataHash`.
  let dataHash: String
  let steps: Int
  /// Names of classes or regions but background.
  let classes: [String]
  let cases: [String]
  /// Of each case and class; nil where neither map has the class.
  let dice: [[Double?]]
  /// Of all starts of the run.
  let coreSeconds: Double

  package init(
    method: String, labels: Int, seed: UInt64, subject: HeldOutCases, dataHash: String, steps: Int, classes: [String],
    cases: [String], dice: [[Double?]],
    coreSeconds: Double
  ) {
    (self.method, self.labels, self.seed, self.subject, self.dataHash) = (method, labels, seed, subject, dataHash)
    (self.steps, self.classes, self.cases, self.dice, self.coreSeconds) = (steps, classes, cases, dice, coreSeconds)
  }

  /// The mean over the classes of each case that has one.
  var caseScores: [String: Double] {
    Dictionary(
      uniqueKeysWithValues: zip(cases, dice).compactMap { identifier, scores in
        let known = scores.compactMap { $0 }
        return known.isEmpty ? nil : (identifier, known.reduce(0, +) / Double(known.count))
      })
  }

  static func path(_ folder: String) -> String { folder + "/result.json" }

  func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try writeDurably(Array(try encoder.encode(self)) + [UInt8(ascii: "\n")], to: Self.path(folder))
  }
}

extension MethodStudy {
  /// The result of a run; nil where it has none yet, or one of other cases.
  func result(of run: MethodRun) -> MethodResult? {
    guard let bytes = try? readAll(MethodResult.path(folder(of: run)), atMost: 1 << 28),
      let found = try? JSONDecoder().decode(MethodResult.self, from: Data(bytes)), found.subject == subject
    else { return nil }
    return found
  }

  /// Refuses runs that were begun with other settings, or scored on other data: a table must not mix them.
  func requireSameSettings() throws {
    for run in runs {
      if let known = result(of: run), known.dataHash != dataHash {
        throw ComparisonError("\(data) has changed since \(folder(of: run)) was scored: choose another --output.")
      }
      let settings = try configuration(of: run), file = runFilePath(of: run)
      guard FileManager.default.fileExists(atPath: file) else { continue }
      let changes = settings.changes(since: try RunConfiguration(file: file, overrides: []))
      guard changes.isEmpty else {
        throw ComparisonError(
          "\(folder(of: run)) was begun with other settings (\(changes.joined(separator: ", "))): give the same, or another --output."
        )
      }
    }
  }

  func runFilePath(of run: MethodRun) -> String { folder(of: run) + ".yaml" }
}
