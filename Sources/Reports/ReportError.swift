// What goes wrong when a report is written.

/// A picture or table cannot be made: one sentence with the path, ending with what to do.
public struct ReportError: Error, CustomStringConvertible, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}
