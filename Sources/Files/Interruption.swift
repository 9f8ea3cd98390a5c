// Ctrl-C while a folder is being made: what there is of the folder goes before the program does.

import Foundation
import Synchronization

/// The signal that came; 0 while none has.
private let arrived = Atomic<Int32>(0)

/// Runs `work`. SIGINT, SIGTERM and SIGHUP, where they would end the program at once, remove the folder `path` first.
/// A handler may do next to nothing, so a thread looks for the signal twenty times a second.
func removingOnInterruption<Result>(_ path: String, _ work: () throws -> Result) rethrows -> Result {
  let numbers = [SIGINT, SIGTERM, SIGHUP].filter(isDeadly), isDone = Flag()
  for number in numbers { signal(number) { arrived.store($0, ordering: .relaxed) } }
  defer {
    for number in numbers { signal(number, SIG_DFL) }
    // The thread ends the program.
    while arrived.load(ordering: .relaxed) != 0 { pause() }
    isDone.raise()
  }
  Thread.detachNewThread {
    while !isDone.isRaised {
      usleep(50_000)
      let number = arrived.load(ordering: .relaxed)
      guard number != 0 else { continue }
      // Moved away first: the work, which still runs, finds no folder to write to.
      let removed = path + ".removed"
      rename(path, removed)
      try? FileManager.default.removeItem(atPath: removed)
      signal(number, SIG_DFL)
      raise(number)
    }
  }
  return try work()
}

/// Whether nothing handles or ignores a signal.
private func isDeadly(_ number: Int32) -> Bool {
  var action = sigaction()
  sigaction(number, nil, &action)
  return action.__sigaction_handler.sa_handler == nil
}

/// Something that happens once.
private final class Flag: Sendable {
  private let state = Atomic<Bool>(false)
  var isRaised: Bool { state.load(ordering: .relaxed) }
  func raise() { state.store(true, ordering: .relaxed) }
}
