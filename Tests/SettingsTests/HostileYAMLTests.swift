// Texts that are YAML to wear a reader out: they are refused by one short sentence, soon, and every value survives being written and read.

import Foundation
import Settings
import Testing

@Suite(.timeLimit(.minutes(1))) struct HostileYAMLTests {
  private func refusal(_ yaml: String) -> String? {
    do {
      _ = try flattened(yaml: yaml, of: [], source: "f.yaml")
      return nil
    } catch { return error.description }
  }

  /// Nine levels of nine aliases each: 387 million leaves.
  private func laughs(_ open: String, _ close: String, entry: (Int) -> String = { _ in "" }) -> String {
    var lines = ["a0: &a0 \(open)\((0..<9).map { "\(entry($0))x" }.joined(separator: ", "))\(close)"]
    for level in 1..<10 {
      let entries = (0..<9).map { "\(entry($0))*a\(level - 1)" }.joined(separator: ", ")
      lines.append("a\(level): &a\(level) \(open)\(entries)\(close)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  @Test func aliasesAreRefusedBeforeTheyAreLookedAt() {
    let lists = laughs("[", "]"), mappings = laughs("{", "}") { "k\($0): " }
    // A key is compared with others, so its aliases are looked at while the text is read.
    for yaml in [
      lists, mappings, lists + "? *a9\n: 1\n", "a: &b 1\nc: *b\n", "a: &b [1]\n", "a: [&b 1, *b]\n", "&a k: 1\n",
      "a: &a {b: *a}\n", "s: [{name: x, &k y: 1}]\n", "s: [&e {name: x}]\n",
    ] {
      let text = refusal(yaml)
      #expect(text.map { $0.hasPrefix("f.yaml") && $0.count < 300 && !$0.contains("\n") } == true, "\(text ?? "accepted")")
    }
    #expect(refusal("a: x * y & z\nb: 'p *q'\n") == nil, "these are no aliases")
  }

  @Test(arguments: ["[", "{a: ", "- ", "? ", "a: [", "'", "&a ", "!t "]) func nestingEndsInASentence(opening: String) {
    for count in [1000, 100_000] {
      let text = refusal(String(repeating: opening, count: count))
      #expect(text.map { $0.count < 600 && !$0.contains("\n") } == true, "\(text ?? "accepted")")
    }
  }

  @Test func longTextsAreShortenedInMessages() {
    let long = String(repeating: "x", count: 100_000), table = [Setting("steps", default: 1, in: 1...9, "")]
    for texts in [[long: "1"], ["steps": long]] {
      #expect {
        try SettingValues(texts, of: table, source: "f.yaml")
      } throws: { "\($0)".count < 300 && "\($0)".contains("xxx...") }
    }
    for yaml in ["\(long): [[1]]\n", "- \(long)\n", "a: {\(long): &b 1}\n", "s: [{name: \(long)}, {name: \(long)}]\n"] {
      #expect((refusal(yaml)?.count ?? 0) < 400)
    }
  }

  @Test func moreKeysThanAnyoneWritesAreRefused() {
    #expect(refusal((0..<20_000).map { "k\($0): 1\n" }.joined())?.contains("more than 10000 keys") == true)
    let stages = "stages: [" + (0..<15_000).map { "{name: s\($0), a: 1}" }.joined(separator: ", ") + "]\n"
    #expect(refusal(stages)?.contains("more than 10000 keys") == true)
  }

  @Test(arguments: [
    "runs/a", "a: b", "a #b", "#a", "", " a ", "*a", "&a", "[x", "[1, 2]", "{a}", "- a", "'a", "\"a\"", "true", "~", "a\\nb",
    "a\nb", "ä", "%a", "@a",
    "a:", "? a", "[\"a, b\"]", "!x", "|", ">", "1e3", "\u{7F}", "\t",
  ]) func everyTextSurvivesItsLine(text: String) throws {
    #expect(try flattened(yaml: yamlLine("k.l", text) + "\n", of: [], source: "f") == ["k.l": text])
  }
}
