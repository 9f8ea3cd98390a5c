// HDF5: what is written comes back, damage and misuse are typed errors, several threads may read, several ranks may write one file.

import Foundation
import HDF5
import MPI
import TestSupport
import Testing

@Suite struct HDF5Tests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/file.h5" }

  private func roundTrip<Element: StoredElement & Equatable>(_ values: [Element], _ storage: Storage) throws {
    let path = folder.path + "/\(Element.self).h5"
    try? FileManager.default.removeItem(atPath: path)
    try File.create(path).closing { (file) throws(H5Error) in
      try file.write(values, to: "/values", extent: [2, values.count / 2], storage: storage)
    }
    let read: [Element] = try File.open(path).closing { (file) throws(H5Error) in
      try file.read("/values", extent: [2, values.count / 2])
    }
    #expect(read == values)
  }

  @Test(arguments: [false, true])
  func numbersOfEveryTypeComeBack(chunked: Bool) throws {
    let storage: Storage = chunked ? .chunked(extent: [1, 64], level: 1) : .contiguous
    try roundTrip([1.5, -Float.infinity, .leastNonzeroMagnitude, 0], storage)
    try roundTrip([Double.pi, -1e300], storage)
    try roundTrip((0..<256).map { UInt8($0) }, storage)
    try roundTrip([Int16.min, .max], storage)
    try roundTrip([UInt32.max, 0], storage)
    try roundTrip([Int64.min, .max], storage)
    try roundTrip([UInt64.max, 1], storage)
  }

  @Test func groupsAttributesAndTextsComeBack() throws {
    try File.create(path).closing { (file) throws(H5Error) in
      try file.createGroup("/a/b")
      try file.setAttribute("name", of: "/a/b", "linkes Ohr é")
      try file.setAttribute("empty", of: "/a", "")
      try file.setAttribute("count", of: "/", -7)
      try file.setAttribute("ratio", of: "/", 0.1)
      try file.write(text: String(repeating: "lang ", count: 30_000), to: "/text")
      try file.write(text: "", to: "/nothing")
    }
    try File.open(path).closing { (file) throws(H5Error) in
      #expect(try file.text(attribute: "name", of: "/a/b") == "linkes Ohr é")
      #expect(try file.text(attribute: "empty", of: "/a") == "")
      #expect(try file.integer(attribute: "count", of: "/") == -7)
      #expect(try file.real(attribute: "ratio", of: "/") == 0.1)
      #expect(try file.text(at: "/text").count == 150_000)
      #expect(try file.text(at: "/nothing") == "")
      #expect(try file.contains("/a/b"))
      #expect(try !file.contains("/a/c/d"))
    }
  }

  @Test func boxesAreWrittenAndRead() throws {
    let box = Slab(start: [1, 2], count: [2, 3])
    try File.create(path).closing { (file) throws(H5Error) in
      try file.write([Float](repeating: 0, count: 20), to: "/m", extent: [4, 5])
      try [1, 2, 3, 4, 5, 6].withUnsafeBufferPointer { (values: UnsafeBufferPointer<Float>) throws(H5Error) in
        try file.write(values, to: "/m", slab: box)
      }
      let whole: [Float] = try file.read("/m", extent: [4, 5])
      #expect(whole == [0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0])
      var part = [Float](repeating: -1, count: 2)
      try part.withUnsafeMutableBufferPointer { (part) throws(H5Error) in
        try file.read("/m", into: part, slab: Slab(start: [2, 4], count: [2, 1]))
      }
      #expect(part == [6, 0])
    }
  }

  @Test func misuseIsATypedError() throws {
    #expect(throws: H5Error.self) { try File.open("/nowhere.h5").close() }
    #expect(throws: H5Error.self) { try File.create("/nowhere/file.h5").close() }
    try File.create(path).closing { (file) throws(H5Error) in
      try file.write([Float](repeating: 1, count: 6), to: "/m", extent: [6])
      #expect(throws: H5Error.self) { let _: [Float] = try file.read("/m", extent: [7]) }
      #expect(throws: H5Error.self) { let _: [Float] = try file.read("/missing", extent: [6]) }
      #expect(throws: H5Error.self) { try file.text(at: "/m") }
      #expect(throws: H5Error.self) { try file.integer(attribute: "missing", of: "/m") }
      #expect(throws: H5Error.self) { try file.write([Float(1)], to: "/m", extent: [1]) }
    }
    let error = #expect(throws: H5Error.self) { try File.create(path).close() }
    #expect(error?.description.contains(path) == true)
  }

  @Test func anErrorInsideStillClosesTheFile() throws {
    #expect(throws: H5Error.self) {
      try File.create(path).closing { (file) throws(H5Error) in try file.createGroup("") }
    }
    try File.open(path, writable: true).close()
  }

  /// Chunks carry checksums and so do headers: a flipped byte either changes nothing that is read or is an error, never a crash.
  @Test func flippedBytesAndTruncationAreErrors() throws {
    let values = (0..<20_000).map { Float($0 % 1013) }
    try File.create(path).closing { (file) throws(H5Error) in
      try file.write(values, to: "/m", extent: [100, 200], storage: .chunked(extent: [10, 200], level: 1))
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    func read(_ bytes: Data) throws -> [Float] {
      try bytes.write(to: URL(fileURLWithPath: path))
      return try File.open(path).closing { (file) throws(H5Error) in try file.read("/m", extent: [100, 200]) }
    }
    var noticed = 0
    for step in 0..<200 {
      var damaged = whole
      damaged[step * whole.count / 200] ^= 0x10
      do { #expect(try read(damaged) == values) } catch is H5Error { noticed += 1 }
    }
    #expect(noticed > 100)
    for parts in 0..<6 {
      #expect(throws: H5Error.self) { try read(whole.prefix(whole.count * parts / 6)) }
    }
  }

  @Test func threadsMayReadTogether() throws {
    try File.create(path).closing { (file) throws(H5Error) in
      try file.write((0..<5000).map { Float($0) }, to: "/m", extent: [5000], storage: .chunked(extent: [500], level: 1))
    }
    let path = path
    let sums = Sums()
    DispatchQueue.concurrentPerform(iterations: 16) { _ in
      let values: [Float]? = try? File.open(path).closing { (file) throws(H5Error) in try file.read("/m", extent: [5000]) }
      sums.append(values?.reduce(0) { $0 + Double($1) } ?? -1)
    }
    #expect(sums.values == [Double](repeating: 4999 * 2500, count: 16))
  }

  @Test(arguments: 1...4)
  func ranksWriteOneFile(ranks: Int) throws {
    let run = try mpirun(ranks, ["parallel-file", path])
    #expect(run.status == 0, "\(run.output)")
    let rows: [Float] = try File.open(path).closing { (file) throws(H5Error) in try file.read("/matrix", extent: [ranks, 5]) }
    #expect(rows == (0..<ranks * 5).map { Float($0 / 5) })
  }
}

/// Numbers that several threads append.
private final class Sums: @unchecked Sendable {
  private let lock = NSLock()
  private(set) var values: [Double] = []

  func append(_ value: Double) { lock.withLock { values.append(value) } }
}
