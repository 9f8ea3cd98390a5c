// Waiting for a lock whose holder may be dead: a server may keep the lock of a host that is gone for minutes, and a claim outlives its holder.

import Foundation

/// One wait. Signs of life are counted by this process's own clock, never by comparing the clocks of two hosts.
struct LockWait {
  private let path: String
  private let patience: Double
  /// The claim as it was seen first, and since when.
  private var seen: (claim: LockClaim?, since: ContinuousClock.Instant)?

  init(_ path: String, patience: Double) { (self.path, self.patience) = (path, patience) }

  /// Waits for a moment.
  /// - Parameters:
  ///   - mayTakeOver: false while another process holds the system's lock, which ends with its holder.
  ///   - tell: gets a sentence when waiting begins.
  /// - Returns: whether the holder's place may be taken, since it is dead or has been silent for too long.
  /// - Throws: if the holder lives.
  mutating func pause(_ claim: LockClaim?, mayTakeOver: Bool, _ tell: (String) -> Void) throws(FileError) -> Bool {
    let holder = claim?.holder?.title ?? "a process that has not left its name"
    let isNew = seen == nil || seen?.claim?.number != claim?.number
    let life = !isNew && seen?.claim?.text != claim?.text ? .alive : claim?.holder?.life ?? .unknown
    guard life != .alive else {
      throw FileError("\(path) is held by \(holder). Wait until that process ends or stop it, or choose another folder.")
    }
    if mayTakeOver, life == .dead { return true }
    if isNew {
      seen = (claim, .now)
      tell("\(path) is held by \(holder), which may be dead: waiting for a sign of life for \(Int(patience)) s")
    }
    if let since = seen?.since, since.duration(to: .now) >= .seconds(patience) {
      if mayTakeOver { return true }
      throw FileError(
        "\(path) is held by \(holder), which has given no sign of life for \(Int(patience)) s, but its lock has not ended. "
          + "Stop that process; if it is surely gone, remove \(path).")
    }
    Thread.sleep(forTimeInterval: min(1, patience / 4))
    return false
  }
}
