// The ending decides what is written, and nothing is written over.

import Export
import Foundation
import TestSupport
import Testing

@Suite struct ExportFormatTests {
  @Test(arguments: [("a.safetensors", "safetensors"), ("b/c.pth", "pth"), ("heart.ONNX", "onnx"), ("heart.bundle/", "bundle")])
  func theEndingDecides(path: String, format: String) throws { #expect(try ExportFormat(of: path).rawValue == format) }

  @Test(arguments: ["heart.pt", "heart", ".onnx", "heart.onnx.gz", "", "pth"]) func otherEndingsAreRefused(path: String) {
    #expect { try ExportFormat(of: path) } throws: { "\($0)".contains("choose one of .safetensors") }
  }

  @Test(arguments: ExportFormat.allCases) func whatIsInTheWayStays(format: ExportFormat) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/model\(format.ending)"
      try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
      #expect { try format.check(output: path, command: "test") } throws: { "\($0)".contains("is in the way") }
    }
  }
}
