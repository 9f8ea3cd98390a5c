// What one check of `cohort doctor` found: a line with a verdict, a value and, where something should change, a hint.

/// One line of the doctor's report.
public struct Finding: Codable, Sendable, Equatable {
  public enum Verdict: String, Codable, Sendable, CaseIterable {
    case ok
    /// Not examined; the value gives the reason.
    case skipped
    case warning
    /// Training would fail, hang, or give other bits.
    case problem
  }
  public let verdict: Verdict
  /// What was looked at, for example `MPI ranks`.
  public let what: String
  public let value: String
  /// What to do; nil where nothing need be done.
  public let hint: String?

  private init(_ verdict: Verdict, _ what: String, _ value: String, _ hint: String?) {
    (self.verdict, self.what, self.value, self.hint) = (verdict, what, value, hint)
  }

  public static func ok(_ what: String, _ value: String) -> Finding { Finding(.ok, what, value, nil) }
  public static func skipped(_ what: String, _ why: String) -> Finding { Finding(.skipped, what, why, nil) }
  public static func warning(_ what: String, _ value: String, hint: String) -> Finding { Finding(.warning, what, value, hint) }
  public static func problem(_ what: String, _ value: String, hint: String) -> Finding { Finding(.problem, what, value, hint) }

  /// `ok       MPI ranks           2, as started`; a hint stands on a line of its own.
  public var text: String {
    func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(1, width - text.count)) }
    return padded(verdict.rawValue, 9) + padded(what, 22) + value + (hint.map { "\n" + padded("", 31) + "-> \($0)" } ?? "")
  }
}

/// All that the doctor found.
public struct DoctorReport: Codable, Sendable {
  public let findings: [Finding]
  public let seconds: Double

  public init(findings: [Finding], seconds: Double) { (self.findings, self.seconds) = (findings, seconds) }

  /// Whether training would fail.
  public var hasProblems: Bool { findings.contains { $0.verdict == .problem } }

  /// The last line.
  public var verdict: String {
    func count(_ verdict: Finding.Verdict, _ word: String) -> String {
      let number = findings.filter { $0.verdict == verdict }.count
      return "\(number) \(word)\(number == 1 ? "" : "s")"
    }
    let counts = "\(count(.problem, "problem")), \(count(.warning, "warning"))"
    return hasProblems
      ? "not fit to train: \(counts). Do what stands behind -> and ask again."
      : "fit to train: \(counts)."
  }
}
