// What reads the program's output may have no room, leave or be closed: a training goes on, and a command that could not print says so by its code.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite(.serialized) struct StandardStreamTests {
  /// Runs a line of the shell in which $cohort is the program.
  func shell(_ line: String) throws -> (code: Int32, text: String) {
    try runProgram(["bash", "-c", "cohort='\(builtExecutable("cohort"))'; \(line)"])
  }

  @Test(arguments: [
    "$cohort recipes > /dev/full", "$cohort recipes keys --json > /dev/full", "$cohort --help > /dev/full", "$cohort recipes >&-",
  ])
  func whatCannotBePrintedIsAFailure(line: String) throws {
    let (code, text) = try shell(line)
    #expect(code == 79 && text.contains("standard output could not be written"), "\(code): \(text)")
  }

  @Test func aReaderThatHasLeftIsToldNothing() throws {
    // The reader is gone before the first byte.
    let (_, text) = try shell("(sleep 1; $cohort recipes keys) | true; echo code ${PIPESTATUS[0]}")
    #expect(text.contains("code 79") && !text.contains("could not be written"), "\(text)")
  }

  @Test func closedStreamsTakeNoFilesNumber() throws {
    try withTemporaryFolder { folder in
      let (code, text) = try shell(
        "$cohort recipes demo-relif > \(folder)/relif.yaml && $cohort recipes >&- 2>&- <&-; echo code $?")
      #expect(code == 0 && text.contains("code 79"), "\(text)")
    }
  }
}
