// What the pages promise: the run file of the README loads, with every key of it checked; files and folders that pages name exist;
// their commands, options and make targets are real; the page of keys is the program's, that of methods
// names all of them and measurements that are there.

import Foundation
import Methods
import Preparation
import TestSupport
import Testing
import Training

@Suite struct PagesTests {
  @Test func theRunFileOfTheReadmeLoads() throws {
    let block = try runFile()
    let lines = block.split(separator: "\n")
    #expect(lines.count == 14 && lines.allSatisfy { $0.contains(" # ") }, "fourteen lines, each with a comment")
    let configuration = try RunConfiguration(yaml: block, source: "README.md")
    #expect(configuration.output == "runs/heart" && configuration.lanes == 4 && configuration.steps == 3000)
    #expect(configuration.networkOptions.given["base"] == "16")
    #expect(configuration.validationCases == ["p01"] && configuration.flipAxes == [.depth, .height])
  }

  /// A wrong letter in any key is an error: none of them is merely overlooked.
  @Test func everyKeyOfTheRunFileIsChecked() throws {
    let lines = try runFile().split(separator: "\n").map { $0.prefix(while: { $0 != "#" }) }
    var keys = 0
    for (number, line) in lines.enumerated() {
      for key in line.matches(of: /([a-z][A-Za-z]*):[ ]/) {
        var wrong = lines
        wrong[number] = line[..<key.output.1.endIndex] + "x" + line[key.output.1.endIndex...]
        #expect(throws: TrainingError.self, "\(key.output.1)x") {
          try RunConfiguration(yaml: wrong.joined(separator: "\n"), source: "README.md")
        }
        keys += 1
      }
    }
    #expect(keys == 25)
  }

  @Test func pathsNamedInPagesExist() throws {
    var missing: [String] = []
    for page in try pages() {
      let folder = repository.appendingPathComponent(page).deletingLastPathComponent()
      for link in try text(page).matches(of: /\]\(([^)#]+)(#[^)]*)?\)/) where !link.output.1.hasPrefix("http") {
        if !exists(folder.appendingPathComponent(String(link.output.1))) { missing.append("\(page): \(link.output.1)") }
      }
      for path in try text(page).matches(of: /(?:Sources|Tests|hostfiles|slurm)\/[A-Za-z0-9_.\/+-]*[A-Za-z0-9_\/]/) {
        if !exists(repository.appendingPathComponent(String(path.output))) { missing.append("\(page): \(path.output)") }
      }
    }
    #expect(missing.isEmpty, "\(missing.joined(separator: "\n"))")
  }

  @Test func commandsOfPagesAreReal() throws {
    let program = try ProgramHelp.read()
    let targets = Set(try text("Makefile").matches(of: /\n([a-z-]+):/).map { String($0.output.1) })
    for page in try pages() {
      let code = try code(of: page)
      for line in code.matches(of: /(?:^|[ \/])cohort ([a-z][^|;&>\n]*)/.anchorsMatchLineEndings()) {
        let words = line.output.1.split(separator: " "), (command, rest) = program.below(words)
        #expect(rest.count < words.count, "\(page): cohort \(line.output.1)")
        for option in rest.prefix(while: { $0 != "--" }) where option.wholeMatch(of: /--[a-z-]+/) != nil {
          #expect(command.options.contains(String(option)), "\(page): cohort \(line.output.1): \(option)")
        }
      }
      for target in code.matches(of: /(?:^| )make ([a-z-]+)/.anchorsMatchLineEndings()) {
        #expect(targets.contains(String(target.output.1)), "\(page): make \(target.output.1)")
      }
    }
  }

  @Test func thePageOfKeysIsWhatTheProgramPrints() throws {
    let (status, page) = try runAlone(["recipes", "keys", "--markdown"], executable: "cohort")
    #expect(status == 0 && page.contains("| `optimizer.learningRate` |") && page.contains("| `method.cubes` |"))
    let isCurrent = try page == text("Sources/Training/KEYS.md")
    #expect(isCurrent, "cohort recipes keys --markdown > Sources/Training/KEYS.md makes it anew")
    let (refused, message) = try runAlone(["recipes", "keys", "lanes", "--markdown"], executable: "cohort")
    #expect(refused != 0 && message.contains("leave out PATTERN"), "\(message)")
  }

  @Test func everyMethodHasASectionThatCitesMeasurements() throws {
    let page = try text("Sources/Methods/METHODS.md"), results = try text("Tests/Yardstick/RESULTS.md")
    #expect(methodCatalog.map { $0.name }.filter { !page.contains("\n## `\($0)`\n") } == [])
    let titles = Set(results.matches(of: /\n## [0-9-]+: ([^\n]+)/).map { String($0.output.1) })
    let cited = page.matches(of: /"([^"]+)"/).map { String($0.output.1).replacing("\n", with: " ") }
    #expect(cited.count > 20 && cited.filter { !titles.contains($0) } == [])
  }

  private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func exists(_ file: URL) -> Bool { FileManager.default.fileExists(atPath: file.path) }

  private func text(_ path: String) throws -> String {
    try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
  }

  /// What a page shows as code, a block's lines without their comments and every span of a sentence on a line of its own.
  private func code(of page: String) throws -> String {
    var code: [Substring] = [], isFenced = false
    for line in try text(page).split(separator: "\n") {
      if line.hasPrefix("```") {
        isFenced.toggle()
      } else if isFenced || line.hasPrefix("    ") {
        code.append(line.prefix(while: { $0 != "#" }))
      } else {
        code += line.matches(of: /`([^`]+)`/).map(\.output.1)
      }
    }
    return code.joined(separator: "\n")
  }

  /// Paths of all pages in the repository.
  private func pages() throws -> [String] {
    try ["README.md", "CHANGELOG.md"]
      + ["Sources", "Tests", "hostfiles", "slurm"].flatMap { folder in
        try FileManager.default.subpathsOfDirectory(atPath: repository.appendingPathComponent(folder).path)
          .filter { $0.hasSuffix(".md") }.map { "\(folder)/\($0)" }
      }
  }

  private func runFile() throws -> String {
    let blocks = try text("README.md").components(separatedBy: "```yaml\n")
    try #require(blocks.count == 2, "the README shows one run file")
    return try #require(blocks[1].components(separatedBy: "```").first)
  }
}
