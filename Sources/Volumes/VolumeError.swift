// The error of reading, writing and indexing volumes: one sentence that names the file and ends with what to do.

public struct VolumeError: Error, CustomStringConvertible, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}
