// Who holds a lock, as a small text in a file: host, process, and a counter that the holder renews; and whether that process can still be alive.

import Foundation

/// A process that holds a lock.
struct LockHolder {
  enum Life { case alive, dead, unknown }

  var host: String
  /// The running system: its boot and its name space of processes. Hosts may have the same name, and a host boots again.
  var machine: String
  var process: pid_t
  /// When the process started, in ticks since the boot: numbers of processes are used again.
  var start: UInt64
  /// Whether it holds the system's lock, too, and other hosts see that one.
  var hasSystemLock: Bool

  /// This process.
  init(hasSystemLock: Bool) {
    (host, machine, process) = (ProcessInfo.processInfo.hostName, Self.thisMachine, getpid())
    (start, self.hasSystemLock) = (ProcessFacts(getpid())?.start ?? 0, hasSystemLock)
  }

  /// "process 17 on lab2".
  var title: String { "process \(process) on \(host)" }

  /// The text in the file; of the same length for every `beat`, so that one write replaces it.
  func text(beat: Int) -> String {
    let digits = String(beat)
    return """
      \(title)
      machine \(machine)
      start \(start)
      system lock \(hasSystemLock)
      beat \(String(repeating: "0", count: max(0, 10 - digits.count)) + digits)

      """
  }

  /// Reads such a text; nil for any other.
  init?(text: String) {
    let lines = text.split(separator: "\n").map(String.init)
    func value(_ line: Int, after name: String) -> String? {
      lines.indices.contains(line) && lines[line].hasPrefix(name + " ") ? String(lines[line].dropFirst(name.count + 1)) : nil
    }
    guard let title = lines.first?.wholeMatch(of: Self.titlePattern), let process = pid_t(title.1),
      let machine = value(1, after: "machine"), let start = value(2, after: "start").flatMap({ UInt64($0) }),
      let hasSystemLock = value(3, after: "system lock").flatMap({ Bool($0) }), value(4, after: "beat") != nil
    else { return nil }
    (host, self.machine, self.process) = (String(title.2), machine, process)
    (self.start, self.hasSystemLock) = (start, hasSystemLock)
  }

  /// Whether a text names a holder, as the lock file itself does: its first line alone.
  static func isTitle(_ text: String) -> Bool { text.trimmingCharacters(in: .newlines).wholeMatch(of: titlePattern) != nil }
  private static var titlePattern: Regex<(Substring, Substring, Substring)> { /process ([0-9]+) on (\S+)/ }

  /// Whether it lives, as far as this host can tell.
  var life: Life {
    guard !machine.isEmpty, machine == Self.thisMachine else { return .unknown }
    guard kill(process, 0) == 0 || errno == EPERM else { return .dead }
    // What other users' processes do may be hidden.
    guard let facts = ProcessFacts(process) else { return .alive }
    return facts.start == start && !facts.isZombie ? .alive : .dead
  }

  private static let thisMachine: String = {
    guard let boot = FileManager.default.contents(atPath: "/proc/sys/kernel/random/boot_id"),
      let space = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
    else { return "" }
    return String(decoding: boot, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) + " " + space
  }()
}

/// What the system tells about a process.
private struct ProcessFacts {
  /// In ticks since the boot.
  let start: UInt64
  /// Whether it has ended and its parent has not taken notice yet.
  let isZombie: Bool

  /// Nil where there is none, or it is hidden.
  init?(_ process: pid_t) {
    guard let data = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return nil }
    // The name, in parentheses, may hold anything; the state follows it as the third field, and the start is the 22nd.
    let text = String(decoding: data, as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 19, let start = UInt64(fields[19]) else { return nil }
    (self.start, isZombie) = (start, ["Z", "X"].contains(fields[0]))
  }
}
