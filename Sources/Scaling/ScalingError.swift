// The error of scaling studies: one sentence that names the file or the value and ends with what to do.

public struct ScalingError: Error, CustomStringConvertible, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}
