// HTML pages: every template can be read, texts are escaped, tables have heads only where they are given.

import Reports
import Testing

@Suite struct PageTests {
  private struct Group {
    let facts: String
    let table: PageTable
  }

  /// What the template `methods` asks for.
  private struct Content {
    var title = "Methods on a<b & \"c\""
    var chart = "<svg></svg>"
    var table = PageTable(heads: [.name("method"), .init("Dice")], [[.name("x<y"), .init("0.5", detail: "0.4 to 0.6")]])
    var notes = ["first & last"]
    var settings = "none", publishedNote = "of papers"
    var published: [Group] = []
  }

  @Test(arguments: PageKind.allCases) func everyTemplateIsAPage(kind: PageKind) {
    let text = page(kind, Content())
    #expect(text.hasPrefix("<!DOCTYPE html>\n") && text.hasSuffix("</body></html>\n"))
    #expect(text.contains("<h1>Methods on a&lt;b &amp; &quot;c&quot;</h1>") && text.contains("prefers-color-scheme: dark"))
    #expect(!text.contains("{{") && !text.contains("}}"))
  }

  @Test func textsAreEscapedAndPicturesAreNot() {
    let text = page(.methods, Content())
    #expect(text.contains("<svg></svg>") && text.contains("<p>first &amp; last</p>"))
    #expect(text.contains("<tr><th class=\"name\">method</th><th>Dice</th></tr>"))
    #expect(text.contains("<tr><td class=\"name\">x&lt;y</td><td>0.5 <small>(0.4 to 0.6)</small></td></tr>"))
  }

  @Test func groupsHaveTablesOfTheirOwn() {
    let groups = (1...2).map { Group(facts: "paper \($0)", table: PageTable([[.init("\($0)0")]])) }
    let text = page(.methods, Content(published: groups))
    let parts = text.split(separator: "<p>paper ").dropFirst()
    #expect(parts.count == 2)
    for (number, part) in parts.enumerated() {
      #expect(part.contains("<tr><td>\(number + 1)0</td></tr>") && !part.contains("<th"), "\(part)")
    }
  }
}
