// A folder for the files of one test, removed with everything in it when the test lets go of it.

import Foundation

public final class TemporaryFolder {
  public let path: String

  public init() {
    path = FileManager.default.temporaryDirectory.path + "/cohort-test-" + UUID().uuidString
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch { fatalError("TemporaryFolder: \(error)") }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Runs `body` with the path of a new empty folder and removes the folder afterwards.
public func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = TemporaryFolder()
  return try withExtendedLifetime(folder) { try body(folder.path) }
}
