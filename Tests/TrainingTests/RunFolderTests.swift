// Run folders: nothing that Cohort has not made is replaced, one job writes a run whatever the file system offers, and a run whose folder is moved or
// taken away ends before it writes into another's.

import Cluster
import Foundation
import TestSupport
import Testing

@Suite(.serialized, .sharedFolder { try TinyCohort.write(to: $0 + "/packs") }) struct RunFolderTests {
  let folder = TemporaryFolder()
  var run: String { folder.path + "/run" }

  /// The arguments of a run of a few steps.
  func arguments(_ overrides: [String] = []) throws -> [String] {
    let file = folder.path + "/run.yaml"
    try TinyCohort.runFile(data: SharedFolder.path + "/packs", output: run, method: "supervised").write(
      toFile: file, atomically: false, encoding: .utf8)
    return ["train", file, "steps=4", "lanes=1", "validation.every=0", "checkpoint.every=2"] + overrides
  }
  func train(_ overrides: [String] = []) throws -> (status: Int32, output: String) {
    try runAlone(try arguments(overrides), timeout: 120, executable: "cohort")
  }
  func files(_ path: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
  func make(_ path: String) throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  @Test(arguments: ["metrics.jsonl", "lease", "configuration.resolved.yaml", "events.jsonl", "checkpoints", "STOP"])
  func aFolderWithSomebodysFilesIsLeftAsItIs(name: String) throws {
    try make(run)
    try "my notes".write(toFile: "\(run)/\(name)", atomically: false, encoding: .utf8)
    let (status, output) = try train()
    #expect(status == 3 && output.contains("holds \(name), which a run would replace"), "\(output)")
    #expect(try text("\(run)/\(name)") == "my notes")
    #expect(try files(run) == [name])
  }

  @Test func aLeaseThatIsALinkIsNotWrittenThrough() throws {
    try make(run)
    let other = folder.path + "/thesis.txt"
    try "".write(toFile: other, atomically: false, encoding: .utf8)
    symlink(other, run + "/lease")
    let (status, output) = try train()
    #expect(status == 3 && output.contains("lease is no lock that Cohort has made"), "\(output)")
    #expect(try text(other) == "")
  }

  @Test func otherFilesAreNoHindranceAndStay() throws {
    try make(run)
    try "plan".write(toFile: run + "/plan.txt", atomically: false, encoding: .utf8)
    #expect(try train().status == 0)
    let names = try files(run).filter { $0 != "plan.txt" }
    #expect(Set(names).isSubset(of: RunFolder.names), "everything that a run writes is known: \(names)")
    #expect(try text(run + "/plan.txt") == "plan")
    // The folder of an earlier version without a lease.
    try FileManager.default.removeItem(atPath: run + "/lease")
    let again = try train(["steps=4", "checkpoint.every=1"])
    #expect(again.status == 0 && again.output.contains("after step 4 of 4"), "\(again.output)")
  }

  @Test func aRunAmongItsDataIsRefused() throws {
    let packs = SharedFolder.path + "/packs", before = try files(packs)
    let (status, output) = try train(["output=\(packs)/../packs"])
    #expect(status == 3 && output.contains("write among the prepared data"), "\(output)")
    #expect(try files(packs) == before)
    let around = try train(["data=\(run)/checkpoints/packs"])
    #expect(around.status == 3 && around.output.contains("write among the prepared data"), "\(around.output)")
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  @Test func whatARefusedRunHasMadeGoesAgainAndNothingElse() throws {
    let (status, output) = try train(["output=\(folder.path)/a/b/run", "labelled=[nobody]"])
    #expect(status == 3, "\(output)")
    #expect(try files(folder.path) == ["run.yaml"])
    try make(folder.path + "/a")
    #expect(try train(["output=\(folder.path)/a/b/run", "labelled=[nobody]"]).status == 3)
    #expect(try files(folder.path + "/a") == [])
  }

  /// Under a moved run another job may begin a new one at the same place.
  @Test func aMovedRunEndsAndLeavesTheNewOneAlone() throws {
    let process = try startAlone(try arguments(["steps=100000000", "checkpoint.every=3"]), executable: "cohort")
    waitForStep(4, of: run)
    let moved = folder.path + "/moved"
    #expect(rename(run, moved) == 0)
    let second = try train()
    #expect(second.status == 0, "\(second.output)")
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == ExitCode.storage.rawValue)
    #expect(try text(moved + "/logs/rank-0000.attempt-01.log").contains("was moved or removed while the run wrote it"))
    #expect(try files(run + "/checkpoints").filter { $0.hasPrefix("step-") } == ["step-00000002", "step-00000004"])
    #expect(try files(run + "/logs").count == 1)
  }

  @Test func aRemovedRunFolderIsNotMadeAgain() throws {
    let process = try startAlone(try arguments(["steps=100000000", "checkpoint.every=3"]), executable: "cohort")
    waitForStep(4, of: run)
    #expect(rename(run, folder.path + "/moved") == 0)
    process.waitUntilExit()
    #expect(process.terminationStatus == ExitCode.storage.rawValue)
    #expect(try files(folder.path) == ["moved", "run.yaml"])
  }

  /// On file systems without locks, of which a library plays one here, the claims keep a second job away.
  @Test func withoutLocksAClaimKeepsASecondJobAway() throws {
    let source = folder.path + "/nolock.c", library = folder.path + "/nolock.so"
    // The lease alone: HDF5 knows such file systems by itself.
    try #"""
    #define _GNU_SOURCE
    #include <errno.h>
    #include <stdio.h>
    #include <string.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    int flock(int file, int operation) {
      char link[64], path[4096] = "";
      snprintf(link, sizeof link, "/proc/self/fd/%d", file);
      if (readlink(link, path, sizeof path - 1) > 6 && !strcmp(path + strlen(path) - 6, "/lease")) { errno = ENOLCK; return -1; }
      return syscall(SYS_flock, file, operation);
    }
    """#.write(toFile: source, atomically: false, encoding: .utf8)
    let built = try runProgram(["cc", "-shared", "-fPIC", "-o", library, source])
    try #require(built.code == 0, "\(built.text)")
    let environment = ["LD_PRELOAD": library]
    let first = try startAlone(try arguments(["steps=100000000"]), environment: environment, executable: "cohort")
    waitForStep(4, of: run)
    let second = try runAlone(try arguments(), timeout: 60, environment: environment, executable: "cohort")
    #expect(second.status == 3 && second.output.contains("is held by process \(first.processIdentifier) on "), "\(second.output)")
    kill(first.processIdentifier, SIGKILL)
    first.waitUntilExit()
    #expect(try files(run).contains("lease.1"))
    let third = try runAlone(
      try arguments(["steps=100000000", "--time-budget", "1"]), timeout: 60, environment: environment, executable: "cohort")
    #expect(third.status == ExitCode.requeue.rawValue && third.output.contains("continuing"), "\(third.output)")
    #expect(try files(run).filter { $0.hasPrefix("lease") } == ["lease"])
  }

  /// No room, a reader that leaves, nobody at all.
  @Test(arguments: ["> /dev/full 2>&1", "2>&1 | true", ">&- 2>&-"]) func theConsoleIsNotTheRun(redirection: String) throws {
    let command = ([builtExecutable("cohort")] + (try arguments())).map { "'\($0)'" }.joined(separator: " ")
    let outcome = try runProgram(["bash", "-c", "\(command) \(redirection); echo code ${PIPESTATUS[0]}"])
    #expect(outcome.text.contains("code 0"), "\(outcome.text)")
    #expect(try files(run + "/checkpoints").contains("step-00000004"))
    #expect(try text(run + "/logs/rank-0000.attempt-01.log").contains("can no longer be seen"))
  }

  @Test func aGroupCanGoOnWithARun() throws {
    let command = ([builtExecutable("cohort")] + (try arguments())).map { "'\($0)'" }.joined(separator: " ")
    let outcome = try runProgram(["sh", "-c", "umask 002; exec \(command)"])
    #expect(outcome.code == 0, "\(outcome.text)")
    let all = try #require(FileManager.default.enumerator(atPath: run)).compactMap { $0 as? String }
    for path in [""] + all {
      let mode = try #require(FileManager.default.attributesOfItem(atPath: "\(run)/\(path)")[.posixPermissions] as? Int)
      #expect(mode & 0o060 == 0o060 && mode & 0o002 == 0, "\(path) has mode \(String(mode, radix: 8))")
    }
    #expect(all.count > 10)
  }
}
