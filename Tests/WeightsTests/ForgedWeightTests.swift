// Files of weights that contradict themselves or ask for more than they hold: each is refused by one sentence, and none takes long.

import Files
import Foundation
import TestSupport
import Tensors
import Testing
import Weights

@Suite(.timeLimit(.minutes(2))) struct ForgedWeightTests {
  /// A safetensors file with that header.
  private func safetensors(_ header: String, data: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) } + Array(header.utf8) + [UInt8](repeating: 0, count: data)
  }

  /// Reads all that the file has.
  private func read(_ path: String) throws { _ = try WeightFile(path).facts() }

  private func expectRefusal(_ bytes: [UInt8], _ fragments: String..., what: String) throws {
    _ = try withFile(bytes) { (path: String) throws in
      #expect {
        try read(path)
      } throws: { error in
        let text = "\(error)"
        return error is WeightError && text.count < 600 && !text.contains("\n") && fragments.allSatisfy(text.contains)
      }
    }
  }

  // MARK: Safetensors

  private let two =
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#

  @Test func headersThatAreWhatTheFormatDemandsAreRead() throws {
    for header in [
      two, "  " + two + "   ", two.replacing(":", with: " : ").replacing(",", with: ",\n"),
      two.replacing("\"a\"", with: #""\u00e4\n\"""#),
      two.replacing("{\"a\"", with: #"{"__metadata__":{"k":"v \\"},"a""#),
      two.replacing("\"b\"", with: #""z":{"dtype":"F32","shape":[0,5],"data_offsets":[8,8]},"b""#),
    ] where header.hasPrefix("{") {
      try withFile(safetensors(header, data: 12)) { (path: String) throws in try read(path) }
    }
  }

  @Test(arguments: [
    (#""b":{"#, #""a":{"#, "twice"), ("[8,12]", "[4,8]", "ends at 8"), ("[8,12]", "[9,13]", "does not lie"),
    ("[0,8]", "[0,4]", "does not lie"),
    (#""shape":[1]"#, #""shape":[1,-1]"#, "\"b\""), (#""shape":[1]"#, #""shape":[1.0]"#, "\"b\""),
    (#""shape":[1]"#, #""shape":1"#, "\"b\""),
    (#""shape":[1]"#, #""shape":[[1]]"#, "\"b\""), (#""shape":[1]"#, #""shape":[1],"shape":[1]"#, "\"b\""),
    (#""shape":[1]"#, #""shape":[1],"more":1"#, "\"b\""), (#","data_offsets":[8,12]"#, "", "\"b\""), ("[8,12]", "[8]", "\"b\""),
    ("[8,12]", "[8,12,12]", "\"b\""), ("[8,12]", "[12,8]", "\"b\""), ("[8,12]", "[8,99999999999999999999]", "\"b\""),
    ("}}", "}", "JSON"), ("}}", "}}}", "JSON"), (":[0", "[0", "\"a\""), ("F32", "F99", "F99"), ("\"a\"", "\"a", "JSON"),
    ("\"a\"", "\"\\x\"", "JSON"),
    ("\"a\"", "1", "JSON"),
  ]) func headersThatAreNot(part: String, other: String, fragment: String) throws {
    let place = try #require(part == "F32" ? two.firstRange(of: part) : two.ranges(of: part).last)
    try expectRefusal(safetensors(two.replacingCharacters(in: place, with: other), data: 12), fragment, what: other)
  }

  @Test func everyByteOfTheDataBelongsToATensor() throws {
    for data in [0, 4, 11, 13, 100] { try expectRefusal(safetensors(two, data: data), "file", what: "\(data) bytes") }
    for length in [UInt64(0), 1, 8, UInt64(two.utf8.count) - 1, UInt64(two.utf8.count) + 1, 100_000_001, 1 << 32, 1 << 63, .max] {
      let bytes = withUnsafeBytes(of: length) { Array($0) } + safetensors(two, data: 12).dropFirst(8)
      try expectRefusal(bytes, what: "a header of \(length) bytes")
    }
  }

  @Test func nestingAndLongNamesEndInASentence() throws {
    let deep = String(repeating: "[", count: 200_000), long = String(repeating: "x", count: 100_000)
    for header in [
      two.replacing("[2]", with: deep), "{" + deep, "{\"a\":" + String(repeating: "{\"a\":", count: 100_000),
      two.replacing("[2]", with: "[\(long)]"),
      two.replacing("[2]", with: "[" + String(repeating: "1,", count: 100_000) + "2]"),
    ] {
      try expectRefusal(safetensors(header, data: 12), what: "nesting")
    }
  }

  /// One byte of a header after the other becomes another.
  @Test func changedHeadersNeverCrash() throws {
    let whole = safetensors(two, data: 12), key = RandomKey(3)
    var accepted = 0
    for trial in 0..<UInt64(1000) {
      var bytes = whole
      for change in 0..<1 + trial % 2 {
        bytes[8 + key.integer(4 * trial + 2 * change, below: two.utf8.count)] =
          trial % 3 == 0
          ? UInt8(truncatingIfNeeded: key.hash(4 * trial + 2 * change + 1)) : Array(#"{}[]",:0189-.ea\"#.utf8)[Int(trial % 16)]
      }
      try withFile(bytes) { (path: String) throws in if (try? read(path)) != nil { accepted += 1 } }
    }
    #expect(accepted > 0 && accepted < 400, "names may change, structure may not: \(accepted)")
  }

  /// As many as the largest networks have; a time that grew with the square would be half a minute.
  @Test func manyTensors() throws {
    let count = 200_000
    let entries = (0..<count).map {
      #""layer.\#($0).weight":{"dtype":"F32","shape":[1,1],"data_offsets":[\#(4 * $0),\#(4 * $0 + 4)]}"#
    }
    try withFile(safetensors("{" + entries.joined(separator: ",") + "}", data: 4 * count)) { (path: String) throws in
      #expect(try WeightFile(path).facts().parameterCount == count)
      #expect(try Safetensors.read(path).count == count)
    }
  }

  // MARK: Archives

  @Test func entriesThatShareBytesAreRefused() throws {
    let pickle = pickledTensor(count: 1, shape: [1], strides: [1])
    var bytes = storedZip([("a/data.pkl", pickle), ("a/data/0", stored([1])), ("a/data/1", stored([2]))])
    // The last record of the directory points to the header of the entry before.
    let names = Data(bytes).ranges(of: Data("a/data/".utf8)), records = names.suffix(2)
    let (one, two) = (records.first!.lowerBound - 46, records.last!.lowerBound - 46)
    for offset in 42..<46 { bytes[two + offset] = bytes[one + offset] }
    try expectRefusal(bytes, "cut off or damaged", what: "shared bytes")
  }

  /// A list of arrays over one storage: as `count` times the file.
  private func tied(_ count: Int, elements: Int) -> [UInt8] {
    let tensor = Array(pickledTensor(count: elements, shape: [elements], strides: [1]).dropFirst(2).dropLast(2))
    // {"w": tensor} without its end, the tensor kept in the memo and recalled under other names.
    let more = (0..<count).flatMap { pickled("w\($0)") + [UInt8(ascii: "h"), 0, UInt8(ascii: "s")] }
    return archive(
      pickle: [0x80, 2] + tensor + [UInt8(ascii: "q"), 0, UInt8(ascii: "s")] + more + [UInt8(ascii: ".")],
      storage: [UInt8](repeating: 0, count: 4 * elements))
  }

  @Test func tiedWeightsAreReadAndBombsOfThemAreNot() throws {
    try withFile(tied(3, elements: 1000)) { (path: String) throws in #expect(try WeightFile(path).facts().arrayCount == 4) }
    try expectRefusal(tied(20_000, elements: 50_000), "share their elements", what: "a bomb")
  }

  @Test func picklesThatGrow() throws {
    let end = Array(".".utf8), nones = [UInt8](repeating: UInt8(ascii: "N"), count: 8 << 20)
    try expectRefusal(archive(pickle: [0x80, 2] + nones + end), "too many open values", what: "values")
    try expectRefusal(
      archive(pickle: [0x80, 2] + [UInt8](repeating: UInt8(ascii: "("), count: 8 << 20) + end), "too many", what: "marks")
    try expectRefusal(
      archive(pickle: [0x80, 2] + [UInt8](repeating: UInt8(ascii: "N"), count: 33 << 20)), "list of arrays has", what: "length")
    // A shape of a million numbers, in as many tensors.
    let axes =
      [UInt8(ascii: "(")] + [UInt8](repeating: 0x88, count: 0) + (0..<1_000_000).flatMap { _ in [UInt8(ascii: "K"), 1] } + [
        UInt8(ascii: "t")
      ]
    try expectRefusal(archive(pickle: [0x80, 2] + axes + end), "tuple", what: "a long tuple")
  }

  @Test func manyEntries() throws {
    let pickle = pickledTensor(count: 1, shape: [1], strides: [1])
    let more = (0..<60_000).map { ("a/more/\($0)", [UInt8($0 % 256)]) }
    try withFile(storedZip([("a/data.pkl", pickle), ("a/data/0", stored([1]))] + more)) { (path: String) throws in
      #expect(try WeightFile(path).facts().checksumsVerified == 60_002)
    }
  }
}
