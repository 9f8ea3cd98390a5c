// What goes wrong with files of volumes and folders of data sets.

/// A file or folder cannot be read, written or understood: one sentence with its path, ending with what to do.
public struct VolumeError: Error, CustomStringConvertible, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}
