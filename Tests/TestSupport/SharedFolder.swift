// A folder that the tests of a suite share, where filling one takes longer than the tests: `@Suite(.sharedFolder { fill($0) })`.

import Testing

/// Fills a folder before the first test of a suite and removes it after the last. Tests must leave its files as they are.
public struct SharedFolder: SuiteTrait, TestScoping {
  /// The folder of the suite to which the running test belongs.
  @TaskLocal public static var path = ""

  fileprivate let fill: @Sendable (String) throws -> Void

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let folder = TemporaryFolder()
    try fill(folder.path)
    try await Self.$path.withValue(folder.path) { try await function() }
    withExtendedLifetime(folder) {}
  }
}

extension Trait where Self == SharedFolder {
  /// A folder for all tests of a suite.
  /// - Parameter fill: makes the files in the folder at this path.
  public static func sharedFolder(_ fill: @escaping @Sendable (_ path: String) throws -> Void) -> Self {
    SharedFolder(fill: fill)
  }
}
