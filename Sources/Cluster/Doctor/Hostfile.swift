// mpirun's hostfiles: one host a line, `lab1 slots=8`, with comments.

/// The hosts of a hostfile.
public struct Hostfile: Sendable, Equatable {
  public struct Host: Sendable, Equatable {
    public let name: String
    public let slots: Int
  }
  public let hosts: [Host]

  /// - Throws: a line that is not understood, or no host at all.
  public init(_ text: String, path: String) throws(ClusterError) {
    var hosts: [Host] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard let name = words.first else { continue }
      var slots = 1
      for word in words.dropFirst() {
        let parts = word.split(separator: "=")
        guard parts.count == 2, let count = Int(parts[1]), count > 0, ["slots", "max_slots", "max-slots"].contains(parts[0]) else {
          throw ClusterError("\(path), line \(number + 1): \(word) is not understood: write `NAME slots=N`.")
        }
        if parts[0] == "slots" { slots = count }
      }
      hosts.append(Host(name: String(name), slots: slots))
    }
    guard !hosts.isEmpty else { throw ClusterError("\(path) names no host: write lines such as `lab1 slots=8`.") }
    self.hosts = hosts
  }
}
