// What goes wrong between raw files and prepared cases.

/// A data set cannot be prepared: one sentence that names the file or setting and ends with what to do.
public struct PreparationError: Error, CustomStringConvertible, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}
