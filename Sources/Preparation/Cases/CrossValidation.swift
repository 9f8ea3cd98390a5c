// Cross-validation folds in nnU-Net's file, splits_final.json, and how they are drawn: five, by the names of the cases as nnU-Net draws them (nnU-Net
// v2.8.1, nnunetv2/utilities/crossval_split.py), but by patients where the data set tells whose a volume is, and of each vendor a fifth.

import Files
import Foundation
import Volumes

/// The folds of a data set.
public struct CrossValidation: Sendable, Equatable {
  public static let fileName = "splits_final.json"
  private static let seed: UInt32 = 12345

  /// One fold, each list sorted.
  public struct Fold: Codable, Sendable, Equatable {
    public var train, val: [String]
  }
  public let folds: [Fold]

  /// Five folds, or as many as patients where there are fewer; where the data set says which fold a patient is in, these.
  /// - Parameter entries: of which the labelled ones are split.
  public init(of entries: [PackEntry]) {
    let labelled = entries.filter { $0.role == .labelled }, all = labelled.map(\.identifier)
    let patients = Dictionary(grouping: labelled) { $0.origin?.patient ?? $0.identifier }
    let chosen = labelled.compactMap { $0.origin?.fold }
    let validated: [[String]]
    if !labelled.isEmpty, chosen.count == labelled.count {
      validated = (0...chosen.max()!).map { fold in labelled.filter { $0.origin?.fold == fold }.map(\.identifier) }
    } else {
      let vendors = Dictionary(grouping: patients.keys) { patients[$0]![0].origin?.vendor ?? "" }
      let parts = vendors.sorted { $0.key < $1.key }.map { Self.drawn(Array($0.value), of: min(5, patients.count)) }
      validated = (0..<min(5, patients.count)).map { fold in
        parts.flatMap { $0[fold] }.flatMap { patients[$0]! }.map(\.identifier)
      }
    }
    folds = validated.map { val in Fold(train: all.filter { !val.contains($0) }.sorted(), val: val.sorted()) }
  }

  /// Consecutive parts of a shuffled list; the first ones have one more where it does not divide.
  private static func drawn(_ names: [String], of count: Int) -> [[String]] {
    let names = names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    let order = legacyPermutation(of: names.count, seed: seed)
    var start = 0
    return (0..<count).map { fold in
      let end = start + names.count / count + (fold < names.count % count ? 1 : 0)
      defer { start = end }
      return order[start..<end].map { names[$0] }
    }
  }

  /// Reads a file of folds. Errors: it is not there, or is none.
  public init(path: String) throws(VolumeError) {
    let bytes: [UInt8]
    do throws(FileError) { bytes = try readAll(path, atMost: 1 << 30) } catch { throw VolumeError(error.description) }
    do { folds = try JSONDecoder().decode([Fold].self, from: Data(bytes)) } catch {
      throw VolumeError(
        "\(path) is no list of folds, each {\"train\": [...], \"val\": [...]}: mend it, or remove it and prepare again.")
    }
  }

  public func write(to path: String) throws(VolumeError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    do {
      try writeDurably([UInt8](try encoder.encode(folds)), to: path)
    } catch { throw VolumeError("\(path) cannot be written: \(error)") }
  }

  /// Puts the folds of packs beside them, once: who changes the file keeps it. One patient gives none.
  /// - Returns: what people should know, a sentence.
  public static func keep(in folder: String) throws(VolumeError) -> String? {
    let path = "\(folder)/\(fileName)", index = try PackIndex(folder: folder)
    guard FileManager.default.fileExists(atPath: path) else {
      let drawn = CrossValidation(of: index.entries)
      if drawn.folds.count > 1 { try drawn.write(to: path) }
      return nil
    }
    let labelled = Set(index.entries.filter { $0.role == .labelled }.map(\.identifier))
    let named = try Set(CrossValidation(path: path).folds.flatMap { $0.train + $0.val })
    guard named != labelled else { return nil }
    return
      "\(path) is kept, though it does not name just the \(labelled.count) labelled cases: remove it to have the folds drawn anew."
  }
}
