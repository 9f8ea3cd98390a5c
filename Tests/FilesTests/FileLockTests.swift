// Locks: one holder at a time, whatever the file system offers and however a holder ends; and a holder notices what becomes of its lock.

import Files
import Foundation
import TestSupport
import Testing

@Suite struct FileLockTests {
  /// The text of a claim.
  func claim(machine: String = "elsewhere pid:[1]", process: pid_t = 7, hasSystemLock: Bool = false, beat: Int = 3) -> String {
    "process \(process) on lab9\nmachine \(machine)\nstart 100\nsystem lock \(hasSystemLock)\nbeat 000000000\(beat)\n"
  }

  func files(_ folder: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
  func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
  func write(_ text: String, to path: String) throws { try text.write(toFile: path, atomically: false, encoding: .utf8) }

  @Test func aLivingHolderIsNamedAndNotWaitedFor() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lease", lock = try FileLock(path)
      let error = #expect(throws: FileError.self) { try FileLock(path) { Issue.record("waits: \($0)") } }
      #expect(error?.description.contains("held by process \(getpid()) on ") == true)
      #expect(lock.isHeld && error?.systemError == nil)
      lock.release()
      #expect(try files(folder) == ["lease"])
      let next = try FileLock(path)
      next.release(removing: true)
      #expect(try files(folder) == [])
    }
  }

  /// Not when the thread that gives signs of life is done with writing one.
  @Test func aLockIsFreeAsSoonAsItsHolderLetsGo() throws {
    try withTemporaryFolder { folder in
      for microseconds in stride(from: 0, to: 400, by: 4) {
        let lock = try FileLock(folder + "/lease")
        usleep(UInt32(microseconds))
        _ = consume lock
      }
    }
  }

  @Test func theClaimOfADeadProcessIsTakenAtOnce() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lease"
      let lock = try FileLock(path), own = try text(path + ".1")
      lock.release()
      let ended = Process()
      ended.executableURL = URL(fileURLWithPath: "/bin/true")
      try ended.run()
      ended.waitUntilExit()
      try write(own.replacing("process \(getpid())", with: "process \(ended.processIdentifier)"), to: path + ".1")
      let next = try FileLock(path) { Issue.record("waits: \($0)") }
      #expect(next.isHeld)
      #expect(try files(folder) == ["lease", "lease.2"])
    }
  }

  /// The system's lock of this host says nothing about a host that has none.
  @Test func aSilentStrangerIsWaitedForAndThenReplaced() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lease"
      try write(claim(), to: path + ".4")
      var told: [String] = []
      let lock = try FileLock(path, patience: 0.1) { told.append($0) }
      #expect(told.count == 1 && told[0].contains("process 7 on lab9"))
      #expect(try files(folder) == ["lease", "lease.5"])
      #expect(lock.isHeld)
    }
  }

  @Test func aStrangerThatGivesASignOfLifeIsNotReplaced() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lease"
      try write(claim(beat: 3), to: path + ".4")
      let error = #expect(throws: FileError.self) {
        try FileLock(path, patience: 20) { _ in try? write(claim(beat: 4), to: path + ".4") }
      }
      #expect(error?.description.contains("held by process 7 on lab9") == true)
      #expect(try files(folder) == ["lease", "lease.4"])
    }
  }

  /// Who had the system's lock and has it no more is dead, on whatever host.
  @Test func aStrangerWithoutTheLockThatItHadIsReplacedAtOnce() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lease"
      try write(claim(hasSystemLock: true), to: path + ".1")
      let lock = try FileLock(path) { Issue.record("waits: \($0)") }
      #expect(lock.isHeld)
    }
  }

  @Test func aHolderNoticesWhatBecomesOfItsLock() throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/a", withIntermediateDirectories: true)
      let path = folder + "/a/lease", first = try FileLock(path)
      try FileManager.default.moveItem(atPath: folder + "/a", toPath: folder + "/b")
      #expect(!first.isHeld)
      try FileManager.default.createDirectory(atPath: folder + "/a", withIntermediateDirectories: true)
      let second = try FileLock(path)
      first.release()
      #expect(second.isHeld && !first.isHeld, "the first leaves the second's files alone")
      try write(claim(), to: path + ".2")
      #expect(!second.isHeld, "somebody has taken over")
      unlink(path + ".2")
      #expect(second.isHeld)
      unlink(path)
      #expect(!second.isHeld)
    }
  }

  @Test func whatCohortHasNotMadeIsLeftAlone() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lease", other = folder + "/thesis.txt"
      try write("my lease of the flat", to: path)
      #expect(throws: FileError.self) { try FileLock(path) }
      #expect(try text(path) == "my lease of the flat")
      unlink(path)
      try write("", to: other)
      symlink(other, path)
      #expect(throws: FileError.self) { try FileLock(path) }
      #expect(try text(other) == "")
      #expect(try files(folder) == ["lease", "thesis.txt"])
      unlink(path)
      mkfifo(path, 0o600)
      #expect(throws: FileError.self) { try FileLock(path) }
      unlink(path)
      try write("notes", to: path + ".1")
      let lock = try FileLock(path, patience: 0.1)
      lock.release()
      #expect(try text(path + ".1") == "notes")
    }
  }
}
