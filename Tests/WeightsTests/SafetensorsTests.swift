// The safetensors format: identity, every number type, and damage of every kind.

import Foundation
import TestSupport
import Testing
import Weights

@Suite struct SafetensorsTests {
  @Test func writtenTensorsAreReadBack() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.safetensors"
      let tensors = ["b": StoredTensor(shape: [2, 2], values: [1, -2, 3.5, .pi]), "a": StoredTensor(shape: [0], values: [])]
      try Safetensors.write(tensors, to: path)
      let read = try Safetensors.read(path)
      #expect(read["b"]!.values == [1, -2, 3.5, .pi] && read["b"]!.shape == [2, 2] && read["a"]!.values.isEmpty)
    }
  }

  @Test func textsBesideTheTensorsAreReadBack() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.safetensors", tensors = ["a": StoredTensor(shape: [2], values: [1, 0.1])]
      try Safetensors.write(tensors, as: .float16, metadata: ["title": "a \"b\" / ä", "steps": "7"], to: path)
      #expect(try Safetensors.metadata(path) == ["title": "a \"b\" / ä", "steps": "7"])
      let read = try Safetensors.read(path)
      #expect(read.count == 1 && read["a"]!.values == [1, Float(Float16(0.1))])
      try Safetensors.write(tensors, to: path)
      #expect(try Safetensors.metadata(path).isEmpty)
    }
  }

  @Test func halfPrecisionAndIntegersAreWidened() throws {
    try withTemporaryFolder { folder in
      let header =
        #"{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"i":{"dtype":"I64","shape":[1],"data_offsets":[4,12]}}"#
      var data = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
      for value in [Float16(1.5), Float16(-0.25)] { withUnsafeBytes(of: value) { data.append(contentsOf: $0) } }
      withUnsafeBytes(of: Int64(-7)) { data.append(contentsOf: $0) }
      try data.write(to: URL(fileURLWithPath: folder + "/x"))
      let read = try Safetensors.read(folder + "/x")
      #expect(read["h"]!.values == [1.5, -0.25] && read["i"]!.values == [-7])
    }
  }

  @Test func everyTruncationIsAnError() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/whole"
      try Safetensors.write(["w": StoredTensor(shape: [3], values: [1, 2, 3])], to: path)
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      for length in 0..<whole.count {
        try whole.prefix(length).write(to: URL(fileURLWithPath: folder + "/cut"))
        #expect(throws: WeightError.self, "\(length) of \(whole.count) bytes") { try Safetensors.read(folder + "/cut") }
      }
    }
  }

  @Test func missingFilesFoldersAndForeignTypesAreNamed() throws {
    try withTemporaryFolder { folder in
      for path in [folder, folder + "/none"] {
        #expect { try Safetensors.read(path) } throws: { "\($0)".contains(path) }
      }
      let header = #"{"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#
      let data = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8) + Data(count: 8)
      try data.write(to: URL(fileURLWithPath: folder + "/x"))
      #expect { try Safetensors.read(folder + "/x") } throws: { "\($0)".contains("F64") }
    }
  }
}
