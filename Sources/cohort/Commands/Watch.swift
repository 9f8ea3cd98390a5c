// `cohort watch`: a run in a terminal while it goes on.

import ArgumentParser
import Files
import Foundation
import Training

struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Show a run in the terminal while it goes on: curves, pace, validations, ranks, warnings.",
    discussion:
      "Reads the run folder alone, on any machine that sees it, also over ssh. Ends with q or Ctrl-C, and by itself when the run has ended. "
      + "Where the output is no terminal it prints once.")

  @Argument(help: "Run folder.")
  var folder: String
  @Flag(help: "Print once and end.")
  var once = false

  func run() throws {
    try reportingErrors {
      guard !once, isatty(STDOUT_FILENO) == 1 else {
        return print(try RunGlance(run: folder).lines.joined(separator: "\n"))
      }
      let terminal = WatchedTerminal()
      defer { terminal.restore() }
      while true {
        let started = ProcessInfo.processInfo.systemUptime, glance = try RunGlance(run: folder)
        terminal.show(glance.lines + ["", glance.hasEnded ? "The run has ended." : "q ends this view; the run goes on."])
        if glance.hasEnded { return }
        // A long run takes a while to read: nine parts of rest to one of reading.
        let reading = ProcessInfo.processInfo.systemUptime - started
        if terminal.waitForQuit(seconds: max(3, 9 * reading)) { return }
      }
    }
  }
}

/// A terminal whose keys are read one by one and not shown, until it is restored.
private final class WatchedTerminal {
  private var original = termios()
  private let readsKeys: Bool

  init() {
    readsKeys = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &original) == 0
    guard readsKeys else { return }
    var raw = original
    // Ctrl-C comes as a key, so that the terminal is restored after it.
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
    tcsetattr(STDIN_FILENO, TCSANOW, &raw)
  }

  func restore() { if readsKeys { tcsetattr(STDIN_FILENO, TCSANOW, &original) } }

  /// Replaces what the terminal shows, as much as fits into it.
  func show(_ lines: [String]) {
    var size = winsize()
    let rows = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 1 ? Int(size.ws_row) : lines.count + 1
    let shown = lines.count < rows ? lines : Array(lines.prefix(rows - 2)) + [lines[lines.count - 1]]
    Outlet.output.write("\u{1B}[H" + shown.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J")
  }

  /// - Returns: whether q or Ctrl-C was pressed meanwhile.
  func waitForQuit(seconds: Double) -> Bool {
    let end = ProcessInfo.processInfo.systemUptime + seconds
    while true {
      let left = end - ProcessInfo.processInfo.systemUptime
      guard left > 0 else { return false }
      var keys = pollfd(fd: readsKeys ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0)
      guard poll(&keys, 1, Int32(left * 1000) + 1) > 0 else { continue }
      var key: UInt8 = 0
      guard read(STDIN_FILENO, &key, 1) == 1 else { return true }
      if [UInt8(ascii: "q"), UInt8(ascii: "Q"), 3].contains(key) { return true }
    }
  }
}
