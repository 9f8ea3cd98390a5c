// The table of contents of a zip archive (APPNOTE 4.3, with the 64-bit records that PyTorch always writes), read by ourselves
// because weights are used where they lie in the file, and for that their offsets are needed. Entries must be stored, not
// compressed.

import Files

/// Where each entry of an archive lies.
struct ZipDirectory {
  struct Entry {
    /// Bytes from the start of the file.
    let range: Range<Int>
    let checksum: UInt32
  }
  let entries: [String: Entry]
  private let file: MappedFile

  init(_ file: MappedFile) throws(WeightError) {
    self.file = file
    let damaged = WeightError("\(file.path) is not a whole zip archive: it was cut off or damaged, copy or download it again.")
    var table = try Self.table(of: file.bytes, or: damaged), entries: [String: Entry] = [:]
    for _ in 0..<table.count {
      let (name, entry) = try Self.entry(&table.reader, in: file, or: damaged)
      guard entries.updateValue(entry, forKey: name) == nil else { throw damaged }
    }
    self.entries = entries
    // Entries that share bytes would let a small file stand for any amount of data.
    var end = 0
    for entry in entries.values.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) where !entry.range.isEmpty {
      guard entry.range.lowerBound >= end else { throw damaged }
      end = entry.range.upperBound
    }
  }

  /// The bytes of an entry, which must agree with its checksum.
  func verifiedBytes(_ name: String) throws(WeightError) -> UnsafeRawBufferPointer {
    guard let entry = entries[name] else {
      throw WeightError("\(file.path) has no entry \(name): it was not written by torch.save, or damaged; copy it again.")
    }
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    guard checksum(of: bytes) == entry.checksum else {
      throw WeightError("\(file.path) is damaged: the checksum of its entry \(name) is wrong; copy or download it again.")
    }
    return bytes
  }

  /// A reader at the first record of the central directory, and the number of records.
  private static func table(of bytes: UnsafeRawBufferPointer, or damaged: WeightError) throws(WeightError)
    -> (reader: ByteReader, count: Int)
  {
    // The end record is 22 bytes and a comment of less than 65536, which ends the file.
    func isEnd(_ start: Int) -> Bool {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)) == 0x0605_4B50
        && Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 20, as: UInt16.self))) == bytes.count - start - 22
    }
    guard let end = (max(0, bytes.count - 22 - 65535)..<max(0, bytes.count - 21)).last(where: isEnd) else { throw damaged }
    var reader = ByteReader(bytes, from: end + 10, or: damaged)
    var count = try reader.index(UInt16.self), size = try reader.index(UInt32.self), start = try reader.index(UInt32.self)
    reader.position = end - 20
    if end >= 20, try reader.integer(UInt32.self) == 0x0706_4B50 {
      reader.position = end - 12
      reader.position = try reader.index(UInt64.self)
      guard try reader.integer(UInt32.self) == 0x0606_4B50 else { throw damaged }
      reader.position += 28
      (count, size, start) = (try reader.index(UInt64.self), try reader.index(UInt64.self), try reader.index(UInt64.self))
    }
    guard start <= end, size <= end - start, count <= size / 46 else { throw damaged }
    reader.position = start
    return (reader, count)
  }

  /// Reads one record of the central directory and finds the entry's bytes behind its local header.
  private static func entry(_ reader: inout ByteReader, in file: MappedFile, or damaged: WeightError) throws(WeightError)
    -> (String, Entry)
  {
    guard try reader.integer(UInt32.self) == 0x0201_4B50 else { throw damaged }
    reader.position += 4
    let flags = try reader.integer(UInt16.self), method = try reader.integer(UInt16.self)
    reader.position += 4
    let checksum = try reader.integer(UInt32.self)
    var stored = try reader.index(UInt32.self), size = try reader.index(UInt32.self)
    let nameLength = try reader.index(UInt16.self), extraLength = try reader.index(UInt16.self)
    let commentLength = try reader.index(UInt16.self)
    reader.position += 8
    var header = try reader.index(UInt32.self)
    let name = try reader.text(nameLength)
    var extra = ByteReader(try reader.take(extraLength), or: damaged)
    reader.position += commentLength
    while extra.bytes.count - extra.position >= 4 {
      let kind = try extra.integer(UInt16.self), length = try extra.index(UInt16.self)
      var field = ByteReader(try extra.take(length), or: damaged)
      guard kind == 1 else { continue }
      // 64-bit values stand here, in this order, for those that are all ones above.
      if size == 0xFFFF_FFFF { size = try field.index(UInt64.self) }
      if stored == 0xFFFF_FFFF { stored = try field.index(UInt64.self) }
      if header == 0xFFFF_FFFF { header = try field.index(UInt64.self) }
    }
    guard method == 0, flags & 1 == 0 else {
      throw WeightError(
        "\(file.path): entry \(name) is compressed or encrypted, so it cannot be used in place: write the file with torch.save.")
    }
    var local = ByteReader(file.bytes, from: header, or: damaged)
    guard stored == size, try local.integer(UInt32.self) == 0x0403_4B50 else { throw damaged }
    local.position += 22
    let skipped = Int(try local.integer(UInt16.self)) + Int(try local.integer(UInt16.self))
    _ = try local.take(skipped)
    let start = local.position
    _ = try local.take(size)
    return (name, Entry(range: start..<start + size, checksum: checksum))
  }
}
