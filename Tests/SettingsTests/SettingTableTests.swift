// Tables: what is refused and in which words, YAML and aliases, the listing, nearest names.

import Foundation
import Settings
import Testing

@Suite struct SettingTableTests {
  static let data = Setting(required: "data", .text, "Folder of the data.")
  static let rate = Setting("optimizer.learningRate", default: 0.01, in: 0...1, aliases: ["optimizer.rate"], "Learning rate.")
  static let kind = Setting("kind", default: "exact", among: ["exact", "fast"], changesResults: false, "How sums are made.")
  static let table: [any SettingDescription] = [data, rate, kind]

  func values(_ yaml: String) throws -> SettingValues {
    try SettingValues(try flattened(yaml: yaml, of: Self.table, source: "f.yaml"), of: Self.table, source: "f.yaml")
  }

  @Test(arguments: [
    ("kind: fast\n", "f.yaml lacks the key \"data\": add it. Folder of the data."),
    ("data: d\nkint: fast\n", "f.yaml: there is no key \"kint\": did you mean \"kind\"?"),
    ("data: d\nkind: exakt\n", "f.yaml: kind is \"exakt\" but must be one of exact, fast: did you mean \"exact\"?"),
    ("data: d\noptimizer: {rate: 2}\n", "f.yaml: optimizer.learningRate is \"2\" but must be a number from 0 to 1."),
    ("data: d\noptimizer: {rate: 1, learningRate: 1}\n", "f.yaml: the key optimizer.learningRate is given twice: keep one."),
    ("data: d\nkind: &a fast\noptimizer: [[1]]\n", "f.yaml: kind uses a YAML anchor: write the value out."),
    ("data: d\noptimizer: [[1]]\n", "f.yaml: optimizer must be a plain list, for example [1, 2, 3]."),
    ("- a\n", "f.yaml holds no settings: write one `key: value` a line."),
    ("", "f.yaml holds no settings: write one `key: value` a line."),
  ]) func mistakesAreNamedWithWhatToWrite(yaml: String, sentence: String) {
    #expect { try values(yaml) } throws: { ($0 as? SettingsError)?.description == sentence }
  }

  @Test(arguments: ["data: [d\n", "data: d\ndata: e\n"]) func brokenYAMLIsOneSentence(yaml: String) {
    #expect { try values(yaml) } throws: { "\($0)".hasPrefix("f.yaml") && !"\($0)".contains("\n") }
  }

  @Test func aFormerNameIsReadAsTheNewOne() throws {
    let (old, new) = (try values("data: d\noptimizer: {rate: 0.5}\n"), try values("data: d\noptimizer.learningRate: 0.5\n"))
    #expect(old[Self.rate] == 0.5 && old.texts == new.texts && old.texts["optimizer.rate"] == nil)
  }

  @Test func aPrefixStandsBeforeNamesInErrors() {
    #expect {
      try SettingValues(["knd": "fast"], of: [Self.kind], source: "f.yaml", prefix: "method.")
    } throws: { "\($0)" == "f.yaml: there is no key \"method.knd\": did you mean \"method.kind\"?" }
    #expect {
      try SettingValues(["kind": "slow"], of: [Self.kind], source: "f.yaml", prefix: "method.")
    } throws: { "\($0)".hasPrefix("f.yaml: method.kind is \"slow\"") }
    #expect {
      try SettingValues(["a": "1"], of: [], source: "f.yaml")
    } throws: { "\($0)" == "f.yaml: there is no key \"a\": leave it out." }
  }

  @Test func nestingAndListsBecomeTexts() throws {
    let flat = try flattened(yaml: "a: {b: {c: 1}}\nd: [x, 'y, z', 3]\ne: ''\n", of: [], source: "f")
    #expect(flat == ["a.b.c": "1", "d": #"[x, "y, z", 3]"#, "e": ""])
  }

  @Test func theListingShowsDefaultRangeAndHelp() throws {
    #expect(
      SettingList(Self.table).text == """
        data: (must be given)
            Folder of the data.
            Takes a text.
        optimizer.learningRate: 0.01
            Learning rate.
            Takes a number from 0 to 1. Also read as optimizer.rate.
        kind: exact
            How sums are made.
            Takes one of exact, fast. May change when a run continues.

        """)
    #expect(SettingList(Self.table, matching: "SUMS", prefix: "x.").text.hasPrefix("x.kind: exact\n"))
    #expect(SettingList(Self.table, matching: "optim").text.split(separator: "\n").count == 3)
    #expect(SettingList(Self.table, matching: "nothing").isEmpty)
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(SettingList(Self.table))) as? [[String: Any]]
    #expect(
      json?.count == 3 && json?[2]["choices"] as? [String] == ["exact", "fast"] && json?[1]["default"] as? String == "0.01")
  }

  @Test func longHelpsAreWrapped() {
    let help = String(repeating: "word ", count: 60)
    let lines = SettingList([Setting("a", default: 1, in: 0...1, help)]).text.split(separator: "\n")
    #expect(lines.count > 3 && lines.allSatisfy { $0.count <= 100 } && lines.dropFirst().allSatisfy { $0.hasPrefix("    ") })
  }

  @Test(arguments: [("step", "steps"), ("STEPS", "steps"), ("sed", "seed"), ("pat", "patch"), ("lane", "lanes")])
  func theNearestNameIsFound(misspelt: String, meant: String) {
    #expect(nearestName(to: misspelt, among: ["seed", "steps", "patch", "lanes"]) == meant)
    #expect(nearestName(to: misspelt, among: []) == nil)
  }
}
