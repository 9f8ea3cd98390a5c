// Which cases are for training, labelled or not, and which for tests: by lists of names, by the split that a layout comes with, or all for training.

import Files
import Foundation
import Tensors
import Volumes

/// What the user says about it.
public struct CaseSplit: Sendable {
  /// Files with a name in each line, further fields behind a comma.
  public var trainingList, testList: String?
  /// How many of the labelled training cases keep their label, the first of the list; nil: all.
  public var labelled: Int?
  /// Draws these by chance in place of the first.
  public var seed: UInt64?

  public init(trainingList: String? = nil, testList: String? = nil, labelled: Int? = nil, seed: UInt64? = nil) {
    (self.trainingList, self.testList, self.labelled, self.seed) = (trainingList, testList, labelled, seed)
  }
}

/// The split that a layout comes with.
enum KnownSplit {
  case none
  /// Names in the order in which the published work takes them.
  case named(training: [String], test: [String])
  /// The last tenth by name is for tests.
  case lastTenth

  /// The names of both sides; none for those that stay in their order.
  func names(of cases: [FoundCase]) -> (training: [String], test: [String]) {
    switch self {
    case .none: ([], [])
    case .named(let training, let test): (training, test)
    case .lastTenth: ([], cases.map(\.identifier).sorted().suffix(cases.count / 10))
    }
  }
}

extension FoundDataset {
  /// Gives each case its role and takes the labels of unlabelled cases away, so that nobody reads them.
  ///
  /// Errors: a list that cannot be read or names a case twice or one that is not there; fewer labelled cases than asked for.
  mutating func assignRoles(_ split: CaseSplit, known: KnownSplit = .none) throws(PreparationError) {
    let identifiers = Set(cases.map(\.identifier))
    let training = try split.trainingList.map { (path) throws(PreparationError) in try caseList(path, of: identifiers) }
    let tests = try split.testList.map { (path) throws(PreparationError) in try caseList(path, of: identifiers) }
    let shipped = (training == nil && tests == nil ? known : .none).names(of: cases)
    let test = Set(tests ?? shipped.test), order = training ?? shipped.training
    if let both = order.first(where: test.contains) {
      throw PreparationError("The case \(both) is in the training list and in the test list: take it out of one.")
    }
    let listed = Set(order)
    if training != nil {
      let aside = cases.filter { $0.role != .test && !listed.contains($0.identifier) && !test.contains($0.identifier) }
      if !aside.isEmpty { notes.append("left aside: \(aside.count) cases that are in no list, \(aside[0].identifier) for one") }
      let names = Set(aside.map(\.identifier))
      cases.removeAll { names.contains($0.identifier) }
    }
    let places = Dictionary(order.enumerated().map { ($1, $0) }) { first, _ in first }
    func comesFirst(_ a: FoundCase, _ b: FoundCase) -> Bool {
      (places[a.identifier] ?? .max, a.identifier) < (places[b.identifier] ?? .max, b.identifier)
    }
    cases.sort(by: comesFirst)
    for index in cases.indices where test.contains(cases[index].identifier) { cases[index].role = .test }
    try chooseLabelled(split)
  }

  private mutating func chooseLabelled(_ split: CaseSplit) throws(PreparationError) {
    var candidates = cases.indices.filter { cases[$0].role != .test && cases[$0].label != nil }
    if let labelled = split.labelled {
      guard (1...max(1, candidates.count)).contains(labelled), !candidates.isEmpty else {
        throw PreparationError(
          "--labelled \(labelled) asks for other than 1 to \(candidates.count), the labels that there are: give such a number.")
      }
      if let seed = split.seed {
        let key = RandomKey(seed: seed, volume: "labelled cases", draw: 0, stream: RandomStream.dataOrder)
        for last in stride(from: candidates.count - 1, to: 0, by: -1) {
          candidates.swapAt(last, key.integer(UInt64(last), below: last + 1))
        }
      }
      candidates = Array(candidates.prefix(labelled))
    }
    for index in candidates { cases[index].role = .labelled }
    for index in cases.indices where cases[index].role == .unlabelled { cases[index].label = nil }
  }
}

/// The names in a list, each of which must be that of a case. Lines may be paths and may end in .h5 or as images do.
private func caseList(_ path: String, of identifiers: Set<String>) throws(PreparationError) -> [String] {
  let text: String
  do throws(FileError) { text = try readText(path, atMost: 1 << 26) } catch { throw PreparationError(error.description) }
  let lines = text.split(whereSeparator: \.isNewline).map { line in
    line.prefix { $0 != "," }.trimmingCharacters(in: .whitespaces)
  }.filter { !$0.isEmpty }
  var names: [String] = [], absent: [String] = []
  for line in lines {
    let parts = line.split(separator: "/").suffix(2).reversed().map {
      arrayStem(String($0)) ?? imageStem(String($0)) ?? String($0)
    }
    if let name = parts.first(where: identifiers.contains) { names.append(name) } else { absent.append(line) }
  }
  guard !names.isEmpty || !absent.isEmpty else {
    throw PreparationError("\(path) is empty: write the name of a case into each line.")
  }
  guard absent.isEmpty else {
    throw PreparationError(
      "\(path) names \(absent.count) of \(lines.count) cases that are not there, such as \(absent.prefix(5).joined(separator: ", ")): add their files, or take them out of the list."
    )
  }
  if let twice = Dictionary(grouping: names, by: { $0 }).filter({ $1.count > 1 }).keys.min() {
    throw PreparationError("\(path) names the case \(twice) twice: take out one of the lines.")
  }
  return names
}
