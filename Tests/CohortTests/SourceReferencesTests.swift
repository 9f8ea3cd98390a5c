// References in comments and pages lead somewhere: to a paper, to a file of a public repository, to a manual. A folder that no
// clone has and a section number without its document lead nowhere, so they fail here, with file and line.

import Foundation
import Testing

@Suite struct SourceReferencesTests {
  @Test func everyReferenceLeadsSomewhere() throws {
    let files = try Self.textFiles()
    #expect(files.count > 300, "found only \(files.count) files under \(Self.repository.path)")
    var dangling: [String] = []
    for file in files {
      let text = try String(contentsOf: Self.repository.appendingPathComponent(file), encoding: .utf8)
      for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        guard let reference = danglingReference(in: line, of: file) else { continue }
        dangling.append("\(file):\(number + 1): \"\(reference)\"")
      }
    }
    let places = dangling.joined(separator: "\n")
    #expect(
      dangling.isEmpty,
      "cite a paper, a public repository and its file, or a manual; or nothing where the rule is ours:\n\(places)")
  }

  /// `~` stands for nothing: it keeps these lines from being found themselves.
  @Test(arguments: [
    ("// The gate (sha~red/notes 3).", true), ("// Rules of the sha~red spec.", true), ("// See old-notes.~md.", true),
    ("/// How far it is trusted (~1.8); multiplies.", true), ("// Mean over voxels (~1.6.5).", true),
    ("// As before (~1.8 and 1.9).", true), ("// Where there is enough (the rules of ~1.8).", true),
    ("// Not restored (~R13).", true),
    ("let folder = \"/sha~red/\"", false), ("let scale = max(1.8)", false), ("// Newer (oneDNN 3.2).", false),
    ("// An optimum (arXiv:1711.05101, section 3.2) of 0.05 mm.", false), ("// Entropy of (0.9, 0.1).", false),
    ("// See MIC-DKFZ/nnUNet, documentation/dataset_format.md, and the README.md.", false),
  ]) func isFound(_ line: String, _ isDangling: Bool) {
    let reference = danglingReference(in: Substring(line.replacing("~", with: "")), of: "Example.swift")
    #expect((reference != nil) == isDangling, "\(line)")
  }

  private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  /// Names of the repository's pages.
  private let pages: Set<Substring>

  init() throws {
    pages = Set(
      try Self.textFiles().filter { $0.hasSuffix(".md") }.map {
        $0[($0.lastIndex(of: "/").map($0.index(after:)) ?? $0.startIndex)...]
      })
  }

  /// Paths in the repository of what people read: sources, scripts and pages, without build folders and golden files.
  private static func textFiles() throws -> [String] {
    let endings: Set = ["swift", "c", "h", "md", "sh", "bash", "py", "yaml", "sbatch", "modulemap"]
    var files = ["README.md", "CHANGELOG.md", "Makefile", "Package.swift"]
    for folder in ["Sources", "Tests", "hostfiles", "slurm"] {
      let names = try FileManager.default.subpathsOfDirectory(atPath: repository.appendingPathComponent(folder).path)
      files += names.filter { endings.contains(($0 as NSString).pathExtension) }.map { "\(folder)/\($0)" }
    }
    return files.sorted()
  }

  /// The first reference in `line` that leads nowhere: into a folder beside the repository, to a page that the repository lacks,
  /// or, in a comment of Swift or C, a section or requirement number without its document. Code is not searched.
  private func danglingReference(in line: Substring, of file: String) -> Substring? {
    let isCode = ["swift", "c", "h"].contains((file as NSString).pathExtension)
    guard let text = isCode ? line.range(of: "//").map({ line[$0.lowerBound...] }) : line else { return nil }
    let folder = "sha" + "red"
    for words in ["\(folder)/", "\(folder) spec"] {
      if let range = text.range(of: words) { return text[range] }
    }
    for page in text.matches(of: /(?:^|[^A-Za-z0-9_\/.])([A-Za-z0-9_-]+\.md)/) where !pages.contains(page.output.1) {
      return page.output.1
    }
    let number = /\((?:[a-z ]+ of )?(?:[1-9][0-9]*(?:\.[0-9]+)+|[CFKPRT][0-9]{1,2})(?:(?:, | and | to )[1-9CFKPRT][0-9.]*)*\)/
    return isCode ? text.firstMatch(of: number)?.output : nil
  }
}
