// How the arrays of a file meet those of a network: the one rule by which weights are loaded, and what came of it.

/// What a file may lack, or hold beside what is needed.
public struct LoadAllowance {
  /// Arrays that keep their first values where the file lacks them or has them in another shape.
  public var reinitialised: (String) -> Bool
  /// Arrays of the file that are ignored.
  public var unexpected: (String) -> Bool

  public init(
    reinitialised: @escaping (String) -> Bool = { _ in false }, unexpected: @escaping (String) -> Bool = { _ in false }
  ) {
    (self.reinitialised, self.unexpected) = (reinitialised, unexpected)
  }

  /// Exactly these names and shapes.
  public static var nothing: LoadAllowance { LoadAllowance() }
}

/// What was loaded from a file and what was not. Names are the network's.
public struct LoadReport: Encodable, Sendable, CustomStringConvertible {
  public struct Mismatch: Encodable, Sendable {
    public let name: String
    public let stored: [Int]
    public let needed: [Int]
  }
  public let path: String
  public private(set) var loaded: [String] = []
  /// Kept at their first values, because the caller allowed it.
  public private(set) var reinitialised: [String] = []
  public private(set) var missing: [String] = []
  public private(set) var mismatched: [Mismatch] = []
  /// Names that only the file has, in its order, and that the caller did not allow.
  public private(set) var unexpected: [String] = []
  /// Names that only the file has, ignored because the caller allowed it.
  public private(set) var ignored: [String] = []

  /// Compares names and shapes. `num_batches_tracked` of a batch normalisation may always be missing: old files lack it and
  /// nothing is computed with it.
  /// - Parameters:
  ///   - path: the file, for messages.
  ///   - needed: the network's arrays.
  ///   - stored: the file's, under the same names.
  public init(
    path: String, needed: [(name: String, shape: [Int])], stored: [(name: String, shape: [Int])], allowing: LoadAllowance
  ) {
    self.path = path
    let shapes = Dictionary(stored.map { ($0.name, $0.shape) }) { $1 }
    for (name, shape) in needed {
      if shapes[name] == shape {
        loaded.append(name)
      } else if allowing.reinitialised(name) || shapes[name] == nil && name.hasSuffix(".num_batches_tracked") {
        reinitialised.append(name)
      } else if let found = shapes[name] {
        mismatched.append(Mismatch(name: name, stored: found, needed: shape))
      } else {
        missing.append(name)
      }
    }
    let known = Set(needed.map(\.name))
    for (name, _) in stored where !known.contains(name) {
      allowing.unexpected(name) ? ignored.append(name) : unexpected.append(name)
    }
  }

  /// Throws if anything is missing, has another shape, or is unexpected and not allowed: names the first of each and counts the
  /// rest.
  public func check() throws(WeightError) {
    var problems: [String] = []
    if let first = missing.first {
      problems.append("it lacks \(missing.count) of \(neededCount) arrays, the first is \(first)")
    }
    if let first = mismatched.first {
      let others = mismatched.count > 1 ? ", and \(mismatched.count - 1) others differ" : ""
      problems.append("\(first.name) has shape \(first.stored), the network needs \(first.needed)\(others)")
    }
    if let first = unexpected.first {
      problems.append("it has \(unexpected.count) arrays that the network has not, the first is \(first)")
    }
    guard problems.isEmpty else {
      throw WeightError(
        "\(path) does not fit the network: \(problems.joined(separator: "; ")): "
          + "use the options and classes that the file was made with, or a file of this network.")
    }
  }

  private var neededCount: Int { loaded.count + reinitialised.count + missing.count + mismatched.count }

  public var description: String {
    var lines = ["\(loaded.count) of \(neededCount) arrays loaded from \(path)"]
    for (names, what) in [
      (reinitialised, "kept at first values"), (missing, "missing"), (mismatched.map(\.name), "of another shape"),
      (unexpected, "unexpected"), (ignored, "of the file ignored"),
    ] where !names.isEmpty {
      lines.append("\(names.count) \(what): " + names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", ..." : ""))
    }
    return lines.joined(separator: "\n")
  }
}
