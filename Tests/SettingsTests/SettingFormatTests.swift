// How values are written: what each format reads, its normal form, and what it refuses.

import Settings
import Testing

@Suite struct SettingFormatTests {
  enum Fruit: String, CaseIterable { case apple, pear }

  /// Every text that a format takes, with its normal form, and texts that it must not take.
  static let formats: [(setting: any SettingDescription, taken: [(text: String, normal: String)], refused: [String])] = [
    (Setting("i", default: 3, in: 1...9, ""), [("1", "1"), ("+9", "9"), ("07", "7")], ["0", "10", "1.0", "x", ""]),
    (Setting("u", default: 3, in: 0...UInt64(Int.max), ""), [("0", "0")], ["-1"]),
    (
      Setting("d", default: 0.5, in: 0...2, ""), [("1", "1.0"), ("1e-3", "0.001"), ("2.0", "2.0")],
      ["2.1", "-0.1", "nan", "inf", "x"]
    ),
    (Setting("b", default: true, .flag, ""), [("true", "true"), ("false", "false")], ["yes", "1", "True"]),
    (Setting("t", default: "a", .text, ""), [("b c", "b c")], [""]),
    (Setting("n", default: "a", among: ["a", "b"], ""), [("b", "b")], ["c", "A", ""]),
    (Setting("c", default: Fruit.apple, ""), [("pear", "pear")], ["plum", ""]),
    (
      Setting("l", default: [String](), .texts, ""),
      [
        ("[]", "[]"), ("", "[]"), ("[a,  b]", "[a, b]"), ("a, b", "[a, b]"), ("p=[1, 2]", "[\"p=[1, 2]\"]"),
        (#"["a,b", "say \"no\" \\"]"#, #"["a,b", "say \"no\" \\"]"#),
      ], []
    ),
    (
      Setting("p", default: [1, 2, 3], .integers(count: 3, upTo: 99), ""), [("[4, 5, 6]", "[4, 5, 6]"), ("4,5,6", "[4, 5, 6]")],
      ["[1, 2]", "[1, 2, 0]", "[1, 2, x]", "[1, 2, 3, 4]", "[]"]
    ),
    (
      Setting<[Int]?>("o", default: nil, .optional(.plainIntegers(count: 2, upTo: 99)), ""), [("", ""), ("1,2", "1,2")],
      ["1", "1,2,3", "0,1"]
    ),
    (Setting<Int?>("oi", default: nil, .optional(.integer(in: 1...9)), ""), [("", ""), ("4", "4")], ["0", "x"]),
    (
      Setting("s", default: [[1, 1, 1]], .triples(upTo: 8, count: 3), ""),
      [("1,2,2;2,2,2", "1,2,2;2,2,2"), ("1, 2, 3", "1,2,3")],
      ["", "1,2", "1,2,3;", "1,2,0", "1,2,3;4"]
    ),
    (
      Setting<ClosedRange<Int>?>("r", default: nil, .stepRange, ""), [("[]", "[]"), ("[5, 9]", "[5, 9]"), ("[5, 5]", "[5, 5]")],
      ["[5]", "[9, 5]", "[0, 5]", "[1, x]", "[1, 2, 3]"]
    ),
  ]

  @Test(arguments: formats.indices) func textsHaveOneNormalForm(number: Int) {
    let (setting, taken, refused) = Self.formats[number]
    for (text, normal) in taken {
      #expect(setting.normalized(text) == normal, "\(setting.name): \(text)")
      #expect(setting.normalized(normal) == normal, "\(setting.name): the normal form is read back")
    }
    for text in refused { #expect(setting.normalized(text) == nil, "\(setting.name): \(text)") }
    #expect(setting.defaultText.flatMap(setting.normalized) == setting.defaultText, "the default is allowed")
  }

  @Test func valuesHaveTheirTypes() throws {
    let count = Setting("count", default: 3, in: 1...9, ""), fruit = Setting("fruit", default: Fruit.apple, "")
    let share = Setting("share", default: 1.0, in: 0...1, ""),
      steps = Setting<ClosedRange<Int>?>("steps", default: nil, .stepRange, "")
    let strides = Setting("strides", default: [[2, 2, 2]], .triples(upTo: 8, count: 3), ""),
      list = Setting("list", default: ["a"], .texts, "")
    let values = try SettingValues(
      ["count": "4", "fruit": "pear", "steps": "[3, 8]", "strides": "1,2,3;4,5,6", "list": #"["x, y", z]"#],
      of: [count, fruit, share, steps, strides, list], source: "test")
    let (number, kind): (Int, Fruit) = (values[count], values[fruit])
    #expect(number == 4 && kind == .pear && values[share] == 1 && values[steps] == 3...8)
    #expect(values[strides] == [[1, 2, 3], [4, 5, 6]] && values[list] == ["x, y", "z"])
    #expect(values.isGiven(count) && !values.isGiven(share) && values.texts["share"] == "1.0" && values.given["share"] == nil)
  }

  @Test func allowedIsAPhraseForPeople() {
    #expect(SettingFormat<Int>.integer(in: 1...Int.max).allowed == "a whole number of 1 or more")
    #expect(SettingFormat<UInt64>.integer(in: 0...UInt64(Int.max)).allowed == "a whole number of 0 or more")
    #expect(SettingFormat<Double>.number(in: 1e-12...1000).allowed == "a number from 1e-12 to 1000")
    #expect(SettingFormat<Double>.number(in: 0.001...Double.greatestFiniteMagnitude).allowed == "a number of 0.001 or more")
    #expect(SettingFormat<Fruit>.choice.allowed == "one of apple, pear")
  }
}
