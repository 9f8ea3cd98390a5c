// The cases that a run trains on, with the checksums of their voxels, as a checkpoint keeps them: a run that goes on on other data is another run,
// and what has changed can be named.

import Volumes

/// What was trained on, a line for each case: "labelled 1a2b3c4d 5e6f7a8b p01".
struct DataRecord {
  private struct Case: Equatable {
    /// labelled, unlabelled or validation.
    var use: String
    /// Checksums of the arrays; "-" for a label that is not used.
    var image: String
    var label: String

    /// Whether both have the same voxels.
    func isCopy(of other: Case) -> Bool { (image, label) == (other.image, other.label) }
  }
  /// By identifier.
  private var cases: [String: Case] = [:]

  init(_ split: DataSplit, _ index: PackIndex) {
    let entries = Dictionary(index.entries.map { ($0.identifier, $0) }, uniquingKeysWith: { first, _ in first })
    func add(_ identifiers: [String], as use: String, labels: Bool) {
      for entry in identifiers.compactMap({ entries[$0] }) {
        cases[entry.identifier] = Case(use: use, image: entry.imageChecksum, label: labels ? entry.labelChecksum : "-")
      }
    }
    add(split.unlabelled, as: "unlabelled", labels: false)
    add(split.labelled, as: "labelled", labels: true)
    if split.isHeldOut { add(split.validation, as: "validation", labels: true) }
  }

  /// The labelled cases, sorted by identifier.
  var labelled: [(identifier: String, image: String, label: String)] {
    cases.filter { $0.value.use == "labelled" }.map { ($0.key, $0.value.image, $0.value.label) }.sorted { $0.0 < $1.0 }
  }

  /// Reads the text of a checkpoint; nil if it is none.
  init?(text: String) {
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 3).map(String.init)
      guard words.count == 4 else { return nil }
      cases[words[3]] = Case(use: words[0], image: words[1], label: words[2])
    }
  }

  var text: String {
    cases.sorted { $0.key < $1.key }.map { "\($1.use) \($1.image) \($1.label) \($0)\n" }.joined()
  }

  /// What is different from an earlier record, a phrase for each case.
  func changes(since earlier: DataRecord) -> [String] {
    let names = Set(cases.keys).union(earlier.cases.keys).sorted()
    var changes: [String] = [], removed: [(name: String, old: Case)] = [], added: [(name: String, new: Case)] = []
    for name in names {
      switch (earlier.cases[name], cases[name]) {
      case (let old?, let new?):
        if old.use != new.use { changes.append("\(name) is \(new.use) and was \(old.use)") }
        if old.image != new.image { changes.append("\(name) has another image") }
        if old.label != new.label, old.use == new.use { changes.append("\(name) has another label") }
      case (let old?, nil): removed.append((name, old))
      case (nil, let new?): added.append((name, new))
      case (nil, nil): break
      }
    }
    for (name, old) in removed {
      if let copy = added.firstIndex(where: { $0.new.isCopy(of: old) }) {
        changes.append("\(name) is called \(added.remove(at: copy).name)")
      } else {
        changes.append("\(name) is gone")
      }
    }
    return changes + added.map { "\($0.name) is new" }
  }
}
