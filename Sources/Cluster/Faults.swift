// What tests break on purpose, to see that it is noticed: the environment variable COHORT_FAULT, for example `flip:rank=1,step=7`.

import Foundation

/// One planned fault.
public struct Fault: Sendable, Equatable {
  public enum Kind: String, CaseIterable, Sendable {
    /// The lowest bit of the first weight of the first module is turned over before the step.
    case flip
  }
  public let kind: Kind
  public let rank: Int
  /// Steps done when it strikes.
  public let step: Int

  /// - Parameter text: `KIND:rank=R,step=S`.
  public init(_ text: String) throws(ClusterError) {
    let parts = text.split(separator: ":", maxSplits: 1)
    var numbers: [Substring: Int] = [:]
    for pair in (parts.last ?? "").split(separator: ",") {
      let sides = pair.split(separator: "=")
      if sides.count == 2 { numbers[sides[0]] = Int(sides[1]) }
    }
    guard let kind = parts.first.flatMap({ Kind(rawValue: String($0)) }), let rank = numbers["rank"], let step = numbers["step"]
    else {
      let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw ClusterError("COHORT_FAULT is \"\(text)\": write KIND:rank=R,step=S with one of the kinds \(kinds), or unset it.")
    }
    (self.kind, self.rank, self.step) = (kind, rank, step)
  }

  /// The fault of this process's environment.
  public static func planned() throws(ClusterError) -> Fault? {
    guard let text = ProcessInfo.processInfo.environment["COHORT_FAULT"] else { return nil }
    return try Fault(text)
  }
}
