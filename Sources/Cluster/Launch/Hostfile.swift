// An mpirun hostfile: one line for each machine, `lab2 slots=8`; and which of the machines answer.

import Files
import Foundation

/// The machines that a launch may use.
public struct Hostfile: Sendable, Equatable {
  public struct Host: Sendable, Equatable {
    public let name: String
    /// Ranks that it may run.
    public let slots: Int
  }
  public var hosts: [Host]

  public init(path: String) throws(ClusterError) {
    let text: String
    do { text = try readText(path, atMost: 1 << 24) } catch {
      throw ClusterError("cannot read the hostfile: \(error) hostfiles/README.md shows one.")
    }
    try self.init(text: text, source: path)
  }

  package init(text: String, source: String) throws(ClusterError) {
    hosts = []
    var refused: [String] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard let name = words.first.map(String.init) else { continue }
      guard isHostName(name) else {
        refused.append("line \(index + 1) (\(name))")
        continue
      }
      var slots = 1
      for word in words.dropFirst() {
        let sides = word.split(separator: "=")
        guard sides.count == 2, let count = Int(sides[1]), 1...1_000_000 ~= count,
          ["slots", "max_slots", "max-slots"].contains(sides[0])
        else {
          throw ClusterError("\(source) has the line \"\(line)\". Write one machine a line, for example lab2 slots=8.")
        }
        if sides[0] == "slots" { slots = count }
      }
      hosts.append(Host(name: name, slots: slots))
    }
    guard refused.isEmpty else {
      throw ClusterError(
        "\(source) names a machine that is none in \(refused.joined(separator: ", ")): write a name of letters, digits, dots, hyphens and "
          + "underscores that begins with a letter or digit, or an IP address.")
    }
    guard !hosts.isEmpty else { throw ClusterError("\(source) names no machine. Write one a line, for example lab2 slots=8.") }
  }

  public var slots: Int { hosts.reduce(0) { $0 + $1.slots } }

  public var text: String { hosts.map { "\($0.name) slots=\($0.slots)\n" }.joined() }

  /// What each machine calls itself, by its name in this file; without those that do not answer.
  ///
  /// - Parameter agent: the program that reaches another machine, with its options, as mpirun would call it.
  public func answering(agent: [String]) -> [String: String] {
    let localName = ProcessInfo.processInfo.hostName,
      localNames = Set(["localhost", localName] + NetworkAddress.ofThisHost.map(\.dottedAddress))
    var names: [String: String] = [:], asked: [(name: String, process: ChildProcess)] = []
    for host in hosts {
      if localNames.contains(host.name) {
        names[host.name] = localName
      } else if let process = try? ChildProcess(agent + [host.name, "hostname"], readsOutput: true) {
        asked.append((host.name, process))
      }
    }
    let deadline = steadySeconds() + Self.answerSeconds
    for (name, process) in asked {
      let answer = process.output(until: deadline).trimmingCharacters(in: .whitespacesAndNewlines)
      if process.wait(until: deadline) == .exited(0), !answer.isEmpty { names[name] = answer }
      process.killGroup(SIGKILL)
    }
    return names
  }

  /// How long a machine may take to answer.
  static let answerSeconds = 6.0
}

/// Whether ssh and mpirun take `name` for a host, with a user before an @ or without, and for nothing else such as one of their options.
package func isHostName(_ name: String) -> Bool {
  name.wholeMatch(of: /([A-Za-z0-9_][A-Za-z0-9_.-]*@)?([A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)/) != nil
}
