// Which cases train, which validate and which test: decided by role and by the run file, the same on every rank.

import Cluster
import Preparation
import Settings
import Tensors
import Volumes

/// The identifiers of a prepared data set by their use in a run, each list sorted.
public struct DataSplit: Sendable, Equatable {
  public let labelled: [String]
  public let unlabelled: [String]
  /// Held-out labelled cases, or the labelled training cases where none are held out.
  public let validation: [String]
  /// Whether `validation` was kept out of training.
  public let isHeldOut: Bool
  /// Test cases that have a label.
  public let test: [String]
  /// Whose volumes they are, by identifier, as far as the data set tells.
  let origins: [String: CaseOrigin]

  /// - Parameter choice: the labelled cases to train on; the others are images without a label.
  public init(
    _ index: PackIndex, validation held: ValidationChoice, choice: LabelledChoice, needsUnlabelled: Bool, data: String
  ) throws(TrainingError) {
    let all = index.entries.filter { $0.role == .labelled }.map(\.identifier).sorted()
    let (heldOut, known) = try held.cases(of: all, in: data),
      unknown = index.entries.filter { $0.role == .unlabelled }.map(\.identifier)
    let chosen = try choice.cases(of: known, in: data)
    labelled = chosen.sorted()
    unlabelled = (unknown + known.filter { !chosen.contains($0) }).sorted()
    isHeldOut = !heldOut.isEmpty
    validation = isHeldOut ? heldOut.sorted() : labelled
    test = index.entries.filter { $0.role == .test && $0.hasLabel }.map(\.identifier).sorted()
    origins = Dictionary(index.entries.compactMap { entry in entry.origin.map { (entry.identifier, $0) } }) { first, _ in first }
    guard !labelled.isEmpty else {
      throw TrainingError("\(data) has no labelled case left to train on: add a labelled volume or shorten validation.cases.")
    }
    guard !needsUnlabelled || !unlabelled.isEmpty else {
      throw TrainingError(
        "\(data) has no unlabelled case, which this method needs: add images to imagesUn, or take method: supervised.")
    }
  }
}

/// The choice of labelled cases that are held out.
public enum ValidationChoice: Sendable, Equatable {
  case named([String])
  /// A fold of the file of folds beside the packs.
  case fold(Int)

  fileprivate func cases(of all: [String], in data: String) throws(TrainingError) -> (heldOut: [String], known: [String]) {
    switch self {
    case .named(let names):
      for identifier in names where !all.contains(identifier) {
        let hint = nearestName(to: identifier, among: all).map { ": did you mean \"\($0)\"?" } ?? "."
        throw TrainingError("validation.cases names \"\(identifier)\", which is no labelled case of \(data)\(hint)")
      }
      return (names, all.filter { !names.contains($0) })
    case .fold(let number):
      let path = "\(data)/\(CrossValidation.fileName)", splits: CrossValidation
      do { splits = try CrossValidation(path: path) } catch { throw TrainingError("validation.fold: \(error)") }
      guard splits.folds.indices.contains(number) else {
        throw TrainingError(
          "validation.fold is \(number), but \(path) has \(splits.folds.count) folds, numbered from 0: choose one of them.")
      }
      let fold = splits.folds[number], both = Set(fold.train).intersection(fold.val)
      if let twice = both.min() {
        throw TrainingError("\(path), fold \(number), both trains and validates on \(twice): take it out of one list.")
      }
      if let stranger = (fold.train + fold.val).first(where: { !all.contains($0) }) {
        throw TrainingError("\(path), fold \(number), names \(stranger), which is no labelled case of \(data): remove it there.")
      }
      return (fold.val, fold.train.sorted())
    }
  }
}

/// The choice of labelled cases that a run trains on, for studies of how many labels are enough, and of which.
public enum LabelledChoice: Sendable, Equatable {
  case all
  /// The first cases by name, so many.
  case first(Int)
  /// Cases drawn from the seed, so many; a larger number of the same seed adds to them.
  case drawn(Int, seed: UInt64)
  case named([String])

  fileprivate func cases(of known: [String], in data: String) throws(TrainingError) -> [String] {
    switch self {
    case .all: return known
    case .first(let count): return Array(try enough(count, known, data).prefix(count))
    case .drawn(let count, let seed):
      let key = RandomKey(seed: seed, volume: "labelled cases", draw: 0, stream: RandomStream.dataOrder)
      return Array(permuted(try enough(count, known, data), key: key).prefix(count))
    case .named(let names):
      for name in names where !known.contains(name) {
        let hint = nearestName(to: name, among: known).map { ": did you mean \"\($0)\"?" } ?? "."
        throw TrainingError("labelled names \"\(name)\", which is no labelled case of \(data) that is left to train on\(hint)")
      }
      return names
    }
  }

  private func enough(_ count: Int, _ known: [String], _ data: String) throws(TrainingError) -> [String] {
    guard count <= known.count else {
      throw TrainingError(
        "labelled is \(count), but \(data) has \(known.count) labelled cases to train on: ask for fewer, or 0 for all.")
    }
    return known
  }
}

extension LanePlan {
  /// The unlabelled cases of a lane, of each phase and vendor its part.
  func shard(lane: Int, of split: DataSplit, seed: UInt64) -> [String] {
    shard(lane: lane, of: split.unlabelled, seed: seed) { identifier in
      split.origins[identifier].map { "\($0.phase ?? "") \($0.vendor ?? "")" } ?? ""
    }
  }
}
