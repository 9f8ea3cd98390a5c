// The files of a plan in a folder. Plans are meant to be edited, so a file that is not as it was written stays: `plan-seal.json` knows what was written.

import Files
import Foundation
import Preparation

/// The files that planning writes, by name.
public struct PlanFiles {
  public static let planName = "plans.json"
  private static let sealName = "plan-seal.json"
  private let texts: [String: String]

  /// - Parameters:
  ///   - fingerprint: the text of dataset_fingerprint.json.
  ///   - description: the text of the data set's dataset.json, where the plan is written elsewhere.
  public init(_ plan: Plan, fingerprint: String, description: String?) {
    texts = [Self.planName: plan.text, "dataset_fingerprint.json": fingerprint, "dataset.json": description].compactMapValues {
      $0
    }
  }

  /// Writes the files into `folder`, which is made if needed. Error: a file in the way that planning did not write, or that was changed since.
  public func write(to folder: String) throws(FileError) {
    try makeFolder(folder)
    let seal = "\(folder)/\(Self.sealName)"
    let known = (try? readAll(seal)).flatMap { try? unseal($0, as: [String: String].self, path: seal) } ?? [:]
    try checkOutputs(texts.keys.sorted().map { "\(folder)/\($0)" }, reading: []) { path in
      guard let bytes = try? readAll(path) else { return false }
      let name = lastName(of: path)
      return bytes == Array(texts[name]!.utf8) || known[name] == hexadecimal(checksum(of: bytes))
    }
    try writeDurably(try Files.seal(texts.mapValues { hexadecimal(checksum(of: Array($0.utf8))) }), to: seal)
    for (name, text) in texts.sorted(by: { $0.key < $1.key }) { try writeDurably(Array(text.utf8), to: "\(folder)/\(name)") }
  }
}
