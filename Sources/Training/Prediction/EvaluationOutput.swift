// What an evaluation writes: nnU-Net's summary.json, the scores of every case as a table, and their means by phase and vendor.

import Files
import Foundation
import Metrics
import Volumes

extension Evaluation {
  /// Writes `summary.json`, `scores.csv` and `means.csv`, and `paired.csv` where predictions were held against others.
  /// - Parameters:
  ///   - origins: of the cases; empty where nothing is known of them.
  ///   - paired: the comparison with other predictions.
  /// Errors: files of others in the way, or that cannot be written. The same scores may be written again.
  public func write(to folder: String, origins: [String: CaseOrigin], paired: [PairedScores]? = nil) throws {
    var texts = [
      "summary.json": table.summaryJSON(of: files, regions: regions), "scores.csv": table.csv(origins: origins),
      "means.csv": groupCSV(table.groups(by: origins)),
    ]
    texts["paired.csv"] = paired.map { pairedCSV($0, title: table.column) }
    try writeTexts(texts, to: folder, reading: files.flatMap { [$0.prediction, $0.reference] })
  }

  /// What to say of cases that a manifest does not name; nil where it names all.
  public func unknownCases(_ origins: [String: CaseOrigin], manifest: String) -> String? {
    let unknown = table.cases.filter { origins[$0] == nil }
    guard !unknown.isEmpty else { return nil }
    return sentence(
      about: unknown, one: "has no row in \(manifest) and counts for no phase and no vendor",
      many: "cases have no row in \(manifest) and count for no phase and no vendor", cure: "add their rows")
  }
}

/// Writes texts into a folder. Errors: a file of this name with another content, or that is read; a folder that cannot be written.
func writeTexts(_ texts: [String: String], to folder: String, reading inputs: [String]) throws {
  let paths = Dictionary(uniqueKeysWithValues: texts.map { (join(folder, $0.key), Array($0.value.utf8)) })
  try checkOutputs(paths.keys.sorted(), reading: inputs) { path in
    FileManager.default.contents(atPath: path).map { Array($0) == paths[path] } ?? false
  }
  do {
    try makeFolder(folder.isEmpty ? "." : folder)
    for (path, bytes) in paths { try writeDurably(bytes, to: path) }
  } catch { throw TrainingError("\(error)", exitCode: 79) }
}
