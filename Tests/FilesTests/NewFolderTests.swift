// A folder that is made whole or not at all, and what a killed process left of one.

import Files
import Foundation
import TestSupport
import Testing

@Suite struct NewFolderTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/new" }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }

  /// The number of a process that has ended.
  private func endedProcess() throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/true")
    try process.run()
    process.waitUntilExit()
    return process.processIdentifier
  }

  @Test func aFailureLeavesNothing() throws {
    #expect(throws: FileError.self) {
      try makeNewFolder(path) { unfinished in
        try Data([1]).write(to: URL(fileURLWithPath: unfinished + "/half"))
        throw FileError("no more")
      }
    }
    #expect(try names().isEmpty)
  }

  @Test func whatAKilledProcessLeftIsRemovedAndWhatOthersMakeIsNot() throws {
    let host = ProcessInfo.processInfo.hostName
    let abandoned = "new.unfinished.\(host).\(try endedProcess())"
    let kept = [
      "new.unfinished.\(host).\(getppid())", "new.unfinished.\(host).0", "new.unfinished.\(host).x", "new.unfinished.elsewhere.1",
    ]
    for name in kept + [abandoned] {
      try FileManager.default.createDirectory(atPath: "\(folder.path)/\(name)", withIntermediateDirectories: false)
    }
    try makeNewFolder(path + "/") { try Data([1]).write(to: URL(fileURLWithPath: $0 + "/whole")) }
    #expect(try names() == (kept + ["new"]).sorted())
    #expect(FileManager.default.fileExists(atPath: path + "/whole"))
  }

  @Test func aFolderThatExistsIsKept() throws {
    try makeNewFolder(path) { _ in }
    #expect(throws: FileError("\(path) exists: name a new folder.")) { try makeNewFolder(path) { _ in } }
  }
}
