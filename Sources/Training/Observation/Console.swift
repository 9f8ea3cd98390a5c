// What a person sees of a run: rank 0 prints, with a progress line that rewrites itself on a terminal and plain lines elsewhere.
// What is printed, progress excepted, also stands in every rank's log.

import Files
import Foundation

/// Standard output of rank 0; silent on the others.
public final class Console {
  private let isRankZero: Bool
  private let isTerminal: Bool
  private var lineIsOpen = false
  /// Whether the log says already that nobody can see the console.
  private var isLost = false
  private var lastProgress = -Double.infinity
  /// This rank's log, once there is a run folder.
  var rankLog: RankLog?

  public init(rank: Int) {
    isRankZero = rank == 0
    isTerminal = isRankZero && Self.outputIsTerminal
  }

  /// Prints and logs a whole line.
  public func print(_ text: String) {
    log(text)
    guard isRankZero else { return }
    closeLine()
    write(text + "\n")
  }

  /// Prints and logs a line of several clauses, which begins a new line of the console where it would be longer than that is wide.
  public func print(clauses text: String) {
    log(text)
    guard isRankZero else { return }
    closeLine()
    write(folded(parts(of: text), width: Self.width).joined(separator: "\n") + "\n")
  }

  /// Prints a warning on standard error and logs it.
  public func warn(_ text: String) {
    log("warning: \(text)")
    guard isRankZero else { return }
    closeLine()
    complain("warning: \(text)")
  }

  /// Writes a line to the log alone.
  func log(_ text: String) {
    if !text.isEmpty { rankLog?.write(text.trimmingCharacters(in: .whitespaces)) }
  }

  /// Shows where the run stands: rewritten in place up to four times a second on a terminal, else a line every 10 seconds.
  public func progress(_ text: @autoclosure () -> String, isLast: Bool) {
    guard isRankZero else { return }
    let now = ProcessInfo.processInfo.systemUptime
    guard isLast || now - lastProgress >= (isTerminal ? 0.25 : 10) else { return }
    lastProgress = now
    if isTerminal {
      write("\r\u{1B}[2K" + text().prefix(min(Self.width, Self.columns - 1)))
      lineIsOpen = true
      if isLast { closeLine() }
    } else {
      write(text() + "\n")
    }
  }

  private func closeLine() {
    if lineIsOpen { write("\n") }
    lineIsOpen = false
  }

  /// The console is not the run: whoever reads it may leave, stand still, or have no room.
  private func write(_ text: String) {
    guard let failure = Outlet.output.write(text), !isLost else { return }
    isLost = true
    log(
      "warning: what the run prints can no longer be seen (\(String(cString: strerror(failure)))); it goes on, and its logs are whole."
    )
  }

  /// The longest line that is printed of steps and stages.
  static let width = 99

  /// A line that wraps cannot be rewritten. Under mpirun the pseudo terminal has no size: 80 columns are safe.
  private static var columns: Int {
    var size = winsize()
    return ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1 ? Int(size.ws_col) : 80
  }

  /// Whether the user sees a terminal. Under mpirun a rank's output is a pseudo terminal in any case, so the launcher's is
  /// examined.
  private static var outputIsTerminal: Bool {
    guard ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_SIZE"] != nil else { return isatty(1) == 1 }
    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(getppid())/fd/1")
    return target.map { $0.hasPrefix("/dev/pts/") || $0.hasPrefix("/dev/tty") } ?? false
  }
}
