// NumPy's archives: the bytes that NumPy itself documents, at the places where a zip file names them.

import Foundation
import TestSupport
import Testing
import Weights

@Suite struct NumPyArchiveTests {
  @Test func arraysLieWhereTheDirectorySays() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.npz", values = (0..<24).map { Float($0) / 7 }
      try writeNumPyArchive([("probabilities", [2, 3, 4], values), ("line", [2], [1, -1])], to: path)
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      let text = String(decoding: bytes, as: Unicode.ASCII.self)
      #expect(bytes.prefix(4) == [0x50, 0x4B, 3, 4] && text.contains("probabilities.npy") && text.contains("line.npy"))
      let magic = try #require(bytes.firstRange(of: [0x93] + Array("NUMPY".utf8) + [1, 0]))
      let length = Int(bytes[magic.upperBound]) + 256 * Int(bytes[magic.upperBound + 1]), start = magic.upperBound + 2 + length
      let dictionary = String(decoding: bytes[magic.upperBound + 2..<start], as: UTF8.self)
      #expect(
        dictionary.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4), }") && dictionary.hasSuffix("\n"))
      #expect((start - magic.lowerBound) % 64 == 0)
      let found = bytes[start..<start + 96].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      #expect(found == values)
      #expect(text.contains("'shape': (2,), }"))
    }
  }
}
