// A data set whose cases are listed in a table, manifest.csv, rather than found by the names of files: for volumes of several phases and vendors, each a case
// of its own, which lie wherever they lie. Columns:
//   id      name of the case
//   image   its file, or one file for each channel with ; between them, relative to the data set's folder
//   label   its label; empty where there is none
//   split   train, unlabelled or test; empty: train with a label, unlabelled without one
//   patient, vendor, phase  whose volume it is and how it was taken; all phases of a patient have one fold
//   fold    the cross-validation fold that validates on the patient, from 0

import Files
import Foundation

/// The table of the cases.
public struct Manifest {
  public static let fileName = "manifest.csv"
  /// All columns that have a meaning.
  static let columns = ["id", "image", "label", "split", "patient", "vendor", "phase", "fold"]

  private let folder: String
  private let path: String
  private let channelNames: [String]
  private let needsLabels: Bool
  private let table: DelimitedTable
  private(set) var warnings: [String] = []
  private var problems: [String] = []

  /// Reads the table. Errors: it cannot be read, or lacks the columns id and image.
  init(folder: String, channelNames: [String], needsLabels: Bool = true) throws(VolumeError) {
    (self.folder, self.channelNames, self.needsLabels) = (folder, channelNames, needsLabels)
    path = "\(folder)/\(Self.fileName)"
    let bytes: [UInt8]
    do throws(FileError) { bytes = try readAll(path, atMost: 1 << 30) } catch { throw VolumeError(error.description) }
    table = try DelimitedTable(String(decoding: bytes, as: UTF8.self), path: path)
    for name in ["id", "image"] where !table.columns.contains(name) {
      throw VolumeError("\(path) has no column \(name): its first line must name at least id and image.")
    }
    let unknown = table.columns.filter { !Self.columns.contains($0) }
    if !unknown.isEmpty { warnings.append("\(path) has columns that are not read: \(unknown.joined(separator: ", ")).") }
  }

  /// All cases, sorted by identifier. Error: all that is wrong with the rows, a line each.
  mutating func cases() throws(VolumeError) -> [DatasetCase] {
    let rows = table.rows.map { ManifestRow($0.line, Dictionary(uniqueKeysWithValues: zip(table.columns, $0.values))) }
    let cases = rows.compactMap { self.case(of: $0) }
    refuseRepeated(rows)
    refuseSeparatedPatients(rows)
    if needsLabels, !cases.contains(where: { $0.role == .labelled }) {
      problems.append("\(path) has no labelled case: give at least one row of split train a label.")
    }
    guard problems.isEmpty else {
      throw VolumeError(
        asLines(problems, heading: "\(path) has \(problems.count) faults, so nothing was done: mend all of these."))
    }
    return cases.sorted { $0.identifier < $1.identifier }
  }

  /// Writes a table, which `Dataset.open` reads back.
  /// - Parameter rows: values with commas between them.
  public static func write(columns: [String], rows: [String], to folder: String) throws(VolumeError) {
    let text = ([columns.joined(separator: ",")] + rows).map { $0 + "\n" }.joined()
    do throws(FileError) { try writeDurably([UInt8](text.utf8), to: "\(folder)/\(fileName)") } catch {
      throw VolumeError(error.description)
    }
  }

  private mutating func `case`(of row: ManifestRow) -> DatasetCase? {
    func complain(_ text: String) { problems.append("\(path), line \(row.line) (\(row.identifier)): \(text)") }
    guard !row.identifier.isEmpty, !row.identifier.contains("/") else {
      complain("a case needs a name in column id, without /.")
      return nil
    }
    let found = problems.count, images = row.images.map { absolute($0) }
    if images.count != channelNames.count {
      complain(
        "it names \(images.count) images where dataset.json has \(channelNames.count) channels: name one for each, with ; between them."
      )
    }
    for image in images where !isFile(image) { complain("there is no image \(image): correct the path, or remove the row.") }
    let label = row.label.map { absolute($0) }
    if let label, !isFile(label) { complain("there is no label \(label): correct the path, or leave it empty.") }
    guard let role = row.role else {
      complain("split is \"\(row["split"])\": write train, unlabelled or test.")
      return nil
    }
    if role == .unlabelled, label != nil {
      complain("it is declared unlabelled and has a label: leave the label empty, or make it split train.")
    }
    let isUnlabelled = role == .labelled && label == nil
    if isUnlabelled, needsLabels {
      complain("it is of split train and has no label: name one, or make it split unlabelled.")
    }
    if !row["fold"].isEmpty, row.fold == nil { complain("fold is \"\(row["fold"])\": write a number from 0.") }
    guard problems.count == found else { return nil }
    return DatasetCase(
      identifier: row.identifier, role: isUnlabelled ? .unlabelled : role, images: images, label: label, origin: row.origin)
  }

  /// An identifier, an image or a label that occurs in two rows.
  private mutating func refuseRepeated(_ rows: [ManifestRow]) {
    for (what, values) in [
      ("id", { (row: ManifestRow) in [row.identifier] }), ("image", \.images), ("label", { $0.label.map { [$0] } ?? [] }),
    ] as [(String, (ManifestRow) -> [String])] {
      var lines: [String: Int] = [:]
      for row in rows {
        for value in values(row) where !value.isEmpty {
          // A file is the same, however its path is written.
          if let first = lines.updateValue(row.line, forKey: what == "id" ? value : realPath(absolute(value))) {
            problems.append(
              "\(path), line \(row.line): the \(what) \(value) is in line \(first) already: each row needs its own.")
          }
        }
      }
    }
  }

  private mutating func refuseSeparatedPatients(_ rows: [ManifestRow]) {
    let patients = Dictionary(grouping: rows.filter { !$0["patient"].isEmpty }) { $0["patient"] }
    for (patient, rows) in patients.sorted(by: { $0.key < $1.key }) {
      let folds = Set(rows.map { $0["fold"] })
      if folds.count > 1 {
        let text = rows.map { "\($0.fold.map(String.init) ?? "none") in line \($0.line)" }.joined(separator: ", ")
        problems.append("\(path): the phases of patient \(patient) are in several folds (\(text)): give all of them one.")
      }
      let isTest = Set(rows.compactMap(\.role).map { $0 == .test })
      if isTest.count > 1 {
        problems.append("\(path): patient \(patient) has phases for training and for the test: move all of them to one side.")
      }
    }
  }

  private func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }

  private func isFile(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
  }
}

/// One row, by column.
private struct ManifestRow {
  let line: Int
  private let values: [String: String]

  init(_ line: Int, _ values: [String: String]) { (self.line, self.values) = (line, values) }

  subscript(column: String) -> String { values[column] ?? "" }
  var identifier: String { self["id"].precomposedStringWithCanonicalMapping }
  var images: [String] {
    self["image"].split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }
  var label: String? { self["label"].isEmpty ? nil : self["label"] }
  var fold: Int? { Int(self["fold"]).flatMap { $0 >= 0 ? $0 : nil } }

  /// nil for a split that does not exist.
  var role: CaseRole? {
    switch self["split"].lowercased() {
    case "": label == nil ? .unlabelled : .labelled
    case "train", "labelled": .labelled
    case "unlabelled", "unlabeled": .unlabelled
    case "test": .test
    default: nil
    }
  }

  var origin: CaseOrigin {
    func given(_ column: String) -> String? { self[column].isEmpty ? nil : self[column] }
    return CaseOrigin(patient: given("patient") ?? identifier, vendor: given("vendor"), phase: given("phase"), fold: fold)
  }
}
