// Checkpoints that were changed and sealed again, so that every checksum is right: what is loaded is what was saved, or the checkpoint is refused.

import Cluster
import Files
import Foundation
import TestSupport
import Tensors
import Testing

@Suite(.timeLimit(.minutes(3))) struct ForgedCheckpointTests {
  private let folder = TemporaryFolder()
  private let saved: CheckpointState
  private let step: String
  private let manifest: String

  init() throws {
    saved = CheckpointState(
      step: 7,
      vectors: [("student", (0..<300_000).map { Float($0) }), ("teacher", [1, 2, 3]), ("third", (0..<5000).map { -Float($0) })],
      index: [
        CheckpointTensor(name: "a", vector: "student", shape: [100, 3000], offset: 0, count: 300_000),
        CheckpointTensor(name: "b", vector: "teacher", shape: [3], offset: 0, count: 3),
      ], metadata: ["seed": "7"])
    step = try CheckpointStore(folder: folder.path).save(saved, over: .alone).path
    manifest = String(decoding: try readAll(step + "/manifest.json"), as: UTF8.self)
  }

  /// Gives a file a checksum that is right for its new text.
  private func sealed(_ text: String) -> [UInt8] {
    let digits = text.range(of: #"(?<=crc32:)[0-9a-f]{8}"#, options: .regularExpression)!
    let blank = text.replacingCharacters(in: digits, with: "00000000")
    return Array(text.replacingCharacters(in: digits, with: hexadecimal(checksum(of: Array(blank.utf8)))).utf8)
  }

  /// Loads, verifies and inspects what lies in the folder. Inspecting does not read the vectors.
  /// - Returns: whether it was accepted, which it may be only as what was saved.
  private func accepts(_ what: String) -> Bool {
    var isAccepted = false
    do {
      let loaded = try CheckpointStore.load(path: step)
      isAccepted = true
      #expect(
        loaded.step == saved.step && loaded.vectors.elementsEqual(saved.vectors) { $0 == $1 }, "\(what): other values were loaded"
      )
    } catch {
      #expect("\(error)".contains(step) && !"\(error)".contains("\n"), "\(what): \(error)")
    }
    let isIntact = (try? CheckpointStore.verify(path: step)) != nil,
      isReadable = (try? CheckpointStore.inspect(path: step)) != nil
    #expect(isIntact == isAccepted && (isReadable || !isAccepted), "\(what): verified and inspected as it is loaded")
    return isAccepted
  }

  private func replace(_ text: String) throws {
    try sealed(text).withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: step + "/manifest.json")) }
  }

  @Test func everyNumberOfTheManifest() throws {
    #expect(accepts("untouched"))
    try replace(manifest)
    #expect(accepts("sealed again"))
    let places = numbers(inJSON: manifest)
    #expect(places.count > 10)
    let wrong = [
      "0", "-1", "1", "2", "3", "4", "7", "8", "12", "4096", "1048576", "1200000", "2147483648", "4611686018427387904",
      "9223372036854775807",
      "18446744073709551615", "1e300", "1.5", "null", "[]", "\"x\"",
    ]
    for (number, range) in places.enumerated() {
      for value in wrong where value != manifest[range] {
        try replace(manifest.replacingCharacters(in: range, with: value))
        let key = manifest[..<range.lowerBound].suffix(30).filter { !$0.isWhitespace }
        if accepts("\(key) = \(value)") { #expect(key.contains("writerRanks"), "\(key) = \(value) contradicts the file") }
      }
      if number % 8 == 0 { try replace(manifest) }
    }
  }

  @Test func wholePartsOfTheManifest() throws {
    let blocks = manifest.ranges(of: try Regex(#""blocks" : \[[^\]]*\]"#))
    #expect(blocks.count == 3)
    for range in blocks {
      for list in ["[]", "[0]", "[1, 2, 3, 4, 5, 6]", "null", "{}"] {
        try replace(manifest.replacingCharacters(in: range, with: "\"blocks\" : \(list)"))
        #expect(!accepts("blocks \(list)"))
      }
    }
    let names = ["student", "teacher", "third"]
    for name in names {
      for other in names + ["none", "", "../vec/student", "a/b", "\\u0000"] where other != name {
        try replace(manifest.replacing("\"\(name)\"", with: "\"\(other)\""))
        #expect(!accepts("\(name) is called \(other)"))
      }
    }
    let vectors = try #require(manifest.firstRange(of: try Regex(#"(?s)"vectors" : \[.*\]"#)))
    for text in ["\"vectors\" : []", "\"vectors\" : [[[[]]]]", "\"vectors\" : " + String(repeating: "[", count: 100_000)] {
      try replace(manifest.replacingCharacters(in: vectors, with: text))
      #expect(!accepts("vectors"))
    }
    // A vector twice: as often as the file has room, and under another name.
    let first = try #require(manifest.firstRange(of: try Regex(#"(?s)\{\s*"blocks".*?\}"#)))
    let vector = String(manifest[first])
    for twin in [vector, vector.replacing("student", with: "twin").replacing("third", with: "twin")] {
      try replace(manifest.replacingCharacters(in: first, with: vector + ", " + twin))
      #expect(!accepts("a vector twice"))
    }
  }

  /// Bytes of the file outside of the vectors, with their checksum made right: HDF5 meets every damage itself.
  @Test func theFrameOfTheFile() throws {
    let state = step + "/state.h5"
    struct Envelope: Decodable {
      struct Content: Decodable {
        struct Vector: Decodable { let byteOffset, count: Int }
        let vectors: [Vector], restChecksum: UInt64
      }
      let content: Content
    }
    let content = try JSONDecoder().decode(Envelope.self, from: Data(manifest.utf8)).content
    let whole = try readAll(state), key = RandomKey(5)
    let held = content.vectors.map { $0.byteOffset..<$0.byteOffset + 4 * $0.count }
    let rest = whole.indices.filter { index in !held.contains { $0.contains(index) } }
    // The head, where HDF5's own tables and the texts lie, byte by byte at random.
    let used = rest.filter { whole[$0] != 0 }
    for trial in 0..<UInt64(400) {
      var bytes = whole
      for change in 0..<1 + trial % 3 {
        let place = used[key.integer(8 * trial + change, below: used.count)]
        bytes[place] =
          trial % 2 == 0 ? bytes[place] ^ 1 << UInt8(trial % 8) : UInt8(truncatingIfNeeded: key.hash(8 * trial + change + 4))
      }
      let sum = rest.map { bytes[$0] }.withUnsafeBytes { xxh64(of: $0) }
      try Data(bytes).write(to: URL(fileURLWithPath: state))
      try replace(manifest.replacing("\(content.restChecksum)", with: "\(sum)"))
      _ = accepts("trial \(trial)")
    }
  }

  @Test func pipesAndDevicesInPlaceOfFiles() throws {
    for name in ["manifest.json", "state.h5"] {
      let path = step + "/" + name
      try FileManager.default.moveItem(atPath: path, toPath: path + ".kept")
      try #require(mkfifo(path, 0o600) == 0)
      #expect { try CheckpointStore.load(path: step) } throws: { "\($0)".contains("named pipe") }
      unlink(path)
      try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/zero")
      #expect { try CheckpointStore.verify(path: step) } throws: { "\($0)".contains("is a device") }
      unlink(path)
      try FileManager.default.moveItem(atPath: path + ".kept", toPath: path)
    }
  }
}
