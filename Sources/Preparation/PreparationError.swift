// What goes wrong between a file and a batch.

/// Volumes cannot be prepared: one sentence with the file or key, ending with what to do.
public struct PreparationError: Error, CustomStringConvertible, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}
