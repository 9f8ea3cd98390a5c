// A method as a command line names it for a figure: NAME=PATH, or a path whose last part is the name.

public struct NamedPath: Sendable, Equatable {
  public var name, path: String

  public init(_ text: String) {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    let path = parts.last ?? text
    (name, self.path) = (parts.count == 2 ? parts[0] : path.split(separator: "/").last.map(String.init) ?? path, path)
  }
}
