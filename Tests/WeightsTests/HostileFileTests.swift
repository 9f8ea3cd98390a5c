// Files that are damaged, malicious or something else: one sentence each, nothing executed, never a crash.

import Files
import Foundation
import TestSupport
import Tensors
import Testing
import Weights

@Suite struct HostileFileTests {
  /// Opening the file and reading all of it fails with one sentence that contains all fragments.
  func expectRefusal(_ path: String, _ fragments: [String], _ comment: String = "") {
    #expect { try readAll(path) } throws: { error in
      error is WeightError && fragments.allSatisfy { "\(error)".contains($0) } && !"\(error)".contains("\n")
    }
  }

  func readAll(_ path: String) throws {
    let file = try WeightFile(path)
    try file.verify()
    for entry in file.entries { _ = try file.tensor(entry.name).values }
  }

  func expectRefusal(pickle: [UInt8], storage: [UInt8] = [], _ fragments: [String]) throws {
    try withFile(archive(pickle: pickle, storage: storage)) { expectRefusal($0, fragments) }
  }

  // MARK: Malice

  @Test(arguments: [
    ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "exec"), ("subprocess", "Popen"),
    ("torch.storage", "_load_from_bytes"), ("torch", "load"), ("runpy", "_run_code"), ("torch", "FloatStorage.__class__"),
  ]) func instructionsThatCouldRunCodeAreRefusedByName(module: String, name: String) throws {
    let marker = FileManager.default.temporaryDirectory.path + "/cohort-pwned-\(UUID().uuidString)"
    let arguments = pickled("touch \(marker)") + [0x85]
    let call = pickled(module: module, name) + arguments + Array("R".utf8)
    try expectRefusal(pickle: [0x80, 2] + call + Array(".".utf8), ["\(module).\(name)", "refused"])
    // Beside weights that are in order, and by the other spelling of names.
    let whole = Array(pickledTensor(count: 1, shape: [1], strides: [1]).dropLast())
    try expectRefusal(pickle: whole + pickled("z") + call + Array("s.".utf8), ["\(module).\(name)"])
    try expectRefusal(pickle: [0x80, 4] + pickled(module) + pickled(name) + [0x93] + arguments + Array("R.".utf8), [name])
    #expect(!FileManager.default.fileExists(atPath: marker))
  }

  /// INST, OBJ, NEWOBJ_EX, EXT1, PERSID, POP, DUP: PyTorch writes none of them.
  @Test(arguments: ["i", "o", "\u{92}", "\u{82}", "P", "0", "2"]) func otherInstructionsAreRefusedByName(instruction: String)
    throws
  {
    let code = UInt8(instruction.unicodeScalars.first!.value)
    try expectRefusal(pickle: [0x80, 2, code] + Array("os\nsystem\n.".utf8), ["0x" + String(code, radix: 16), "refused"])
  }

  @Test func placeholdersAreNeverCalledNorTensors() throws {
    for call in [
      pickled(module: "torch", "FloatStorage"), Array("}".utf8), pickled("print"), pickled(module: "argparse", "Namespace"),
    ] {
      // As the value of "w": an object of the class or nothing, but no array.
      let pickle = [0x80, 2] + Array("}".utf8) + pickled("w") + call + Array(")Rs.".utf8)
      try expectRefusal(pickle: pickle, [])
    }
  }

  @Test func aMillionNestedTuplesDoNotExhaustTheStack() throws {
    let nested: [UInt8] = [UInt8](repeating: 0x85, count: 1_000_000)
    try expectRefusal(pickle: [0x80, 2] + Array(")".utf8) + nested + Array(".".utf8), ["tuple"])
    let lists = [UInt8](repeating: UInt8(ascii: "]"), count: 200_000) + [UInt8](repeating: UInt8(ascii: "a"), count: 199_999)
    try expectRefusal(pickle: [0x80, 2] + lists + Array(".".utf8), ["list"])
  }

  @Test func tensorsOutsideTheirStorageAreRefused() throws {
    let largest = Int.max
    for (offset, shape, strides) in [
      (0, [5], [1]), (1, [4], [1]), (-1, [1], [1]), (0, [-1], [1]), (0, [2], [-1]), (0, [2], [4]), (0, [2, 2], [1]),
      (5, [0], [1]),
      (0, [largest, largest], [1, 1]), (0, [2], [largest]), (largest, [1], [1]), (0, [3, 2], [largest, 1]), (0, [1 << 40], [0]),
      (0, [1 << 62, 4, 0], [0, 0, 0]),
    ] {
      let pickle = pickledTensor(count: 4, offset: offset, shape: shape, strides: strides)
      try expectRefusal(pickle: pickle, storage: [UInt8](repeating: 0, count: 16), ["\"w\"", "\(shape)"])
    }
    for (count, bytes) in [(4, 12), (4, 20), (largest, 16), (3, 14)] {
      let pickle = pickledTensor(count: count, shape: [1], strides: [1])
      try expectRefusal(pickle: pickle, storage: [UInt8](repeating: 0, count: bytes), ["\(bytes) bytes", "\"w\""])
    }
    let whole = pickledTensor(count: 1, shape: [1], strides: [1])
    try withFile(storedZip([("a/data.pkl", whole)])) { expectRefusal($0, ["lacks the elements of \"w\""]) }
  }

  // MARK: Damage

  /// Runs `body` with the path of a copy of a fixture and a handle that changes it: much faster than writing it anew thousands of
  /// times.
  func withCopy(of name: String, _ body: (String, FileHandle) throws -> Void) throws {
    try withFile([UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture(name))))) { path in
      let handle = try #require(FileHandle(forUpdatingAtPath: path))
      try body(path, handle)
      try handle.close()
    }
  }

  @Test(arguments: ["kinds.pth", "checkpoint.pth"]) func everyTruncationIsAnError(name: String) throws {
    try withCopy(of: name) { path, handle in
      let whole = Int(try handle.seekToEnd())
      let accepted = try (0..<whole).reversed().filter { length in
        try handle.truncate(atOffset: UInt64(length))
        do { try readAll(path) } catch { return !(error is WeightError && "\(error)".hasPrefix(path)) }
        return true
      }
      #expect(accepted.isEmpty)
    }
  }

  /// Checksums make flips of payloads and of the pickle errors; flips of names, dates and padding may pass.
  @Test(arguments: [UInt8(0x01), 0x80, 0xFF]) func flippedBytesNeverCrash(mask: UInt8) throws {
    try withCopy(of: "kinds.pth") { path, handle in
      let bytes = [UInt8](try #require(try handle.readToEnd())), pickle = payload(of: "kinds/data.pkl", in: bytes)
      let accepted = try bytes.indices.filter { index in
        try handle.write([bytes[index] ^ mask], at: index)
        defer { try? handle.write([bytes[index]], at: index) }
        return (try? readAll(path)) != nil
      }
      #expect(!accepted.isEmpty && !accepted.contains { pickle.contains($0) })
      try readAll(path)
    }
  }

  /// With the checksum made right, the pickle machine meets every damage itself.
  @Test(arguments: [UInt8(0x01), 0x10, 0x80, 0xFF]) func damagedPicklesNeverCrash(mask: UInt8) throws {
    try withCopy(of: "kinds.pth") { path, handle in
      var bytes = [UInt8](try #require(try handle.readToEnd()))
      let pickle = payload(of: "kinds/data.pkl", in: bytes), sum = directoryRecord(of: "kinds/data.pkl", in: bytes) + 16
      let refused = try pickle.filter { index in
        bytes[index] ^= mask
        try handle.write([bytes[index]], at: index)
        try handle.write(withUnsafeBytes(of: checksum(of: Array(bytes[pickle]))) { Array($0) }, at: sum)
        bytes[index] ^= mask
        defer { try? handle.write([bytes[index]], at: index) }
        return (try? readAll(path)) == nil
      }
      #expect(refused.count > pickle.count / 2 && refused.count < pickle.count, "names may change unnoticed, structure may not")
    }
  }

  /// Where the bytes of an entry lie, from its local header, the first place of its name.
  func payload(of name: String, in bytes: [UInt8]) -> Range<Int> {
    let at = Data(bytes).range(of: Data(name.utf8))!.lowerBound
    let directory = directoryRecord(of: name, in: bytes)
    func number(_ offset: Int, _ count: Int) -> Int { (0..<count).reduce(0) { $0 + Int(bytes[offset + $1]) << (8 * $1) } }
    let start = at + name.utf8.count + number(at - 2, 2)
    return start..<start + number(directory + 24, 4)
  }

  /// Where the record of an entry begins in the central directory, from the last place of its name.
  func directoryRecord(of name: String, in bytes: [UInt8]) -> Int {
    Data(bytes).range(of: Data(name.utf8), options: .backwards)!.lowerBound - 46
  }

  // MARK: Other things

  @Test func otherFilesAreNamedForWhatTheyAre() throws {
    expectRefusal(fixture("legacy.pth"), ["before 1.6", "save it again"])
    expectRefusal(fixture("module.pth"), ["torch.nn.modules.linear.Linear", "state_dict()"])
    expectRefusal(fixture("expanded.pth"), ["\"wide\"", "contiguous()"])
    try withTemporaryFolder { folder in
      expectRefusal(folder, ["is a folder"])
      expectRefusal(folder + "/none.pth", ["there is no file"])
      for (bytes, fragments) in [
        ([], ["is empty"]), (Array("version https://git-lfs.github.com/spec/v1\n".utf8), ["is text"]),
        ((0..<100).map { UInt8(200 - $0) }, ["neither"]), (storedZip([("word/document.xml", [1])]), ["without data.pkl"]),
        (archive(pickle: pickledTensor(count: 1, shape: [1], strides: [1]), storage: [0, 0, 0, 0], method: 8), ["compressed"]),
        (archive(pickle: [0x80, 2] + Array("}.".utf8)), ["no arrays"]),
        (archive(pickle: [0x80, 2] + Array("N.".utf8)), ["None"]),
        (archive(pickle: [0x80, 9] + Array("}.".utf8)), ["protocol 9"]), (archive(pickle: [0x80, 2]), ["ends early"]),
        (storedZip([("a/data.pkl", [0x80, 2] + Array("}.".utf8)), ("a/byteorder", Array("big".utf8))]), ["big-endian"]),
      ] as [([UInt8], [String])] {
        try Data(bytes).write(to: URL(fileURLWithPath: folder + "/x"))
        expectRefusal(folder + "/x", fragments + ["x"])
      }
    }
  }

  @Test func safetensorsWithImpossibleSizesAreRefused() throws {
    for (shape, offsets) in [
      ("[4611686018427387904,4]", "[0,0]"), ("[1]", "[9223372036854775807,9223372036854775807]"), ("[-1,-4]", "[0,16]"),
      ("[1]", "[4,0]"),
      ("[9223372036854775807]", "[0,4]"), ("[1.5]", "[0,4]"), ("[2]", "[0,4]"), ("[4]", "[8,24]"),
    ] {
      let header = #"{"w":{"dtype":"F32","shape":\#(shape),"data_offsets":\#(offsets)}}"#
      let bytes =
        withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) } + Array(header.utf8) + [UInt8](repeating: 0, count: 16)
      try withFile(bytes) { expectRefusal($0, ["\"w\""], "\(shape) \(offsets)") }
    }
  }
}

extension FileHandle {
  fileprivate func write(_ bytes: [UInt8], at offset: Int) throws {
    try seek(toOffset: UInt64(offset))
    try write(contentsOf: Data(bytes))
  }
}
