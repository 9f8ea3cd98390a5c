// Archives that are written are read back by the reader of PyTorch's own, in place, and the same weights give the same bytes. PyTorch reads them in
// `make compare-export`.

import Foundation
import TestSupport
import Testing
import Weights

@Suite struct TorchWriterTests {
  private let tensors = [
    "conv.weight": StoredTensor(shape: [2, 1, 3], values: [1, -2, 3, 4.5, 0, -0.25]),
    "norm.num_batches_tracked": StoredTensor(shape: [], values: [7]), "empty": StoredTensor(shape: [0, 3], values: []),
    "a name with ü": StoredTensor(shape: [1], values: [.infinity]),
  ]

  @Test func theReaderFindsWhatWasWritten() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/weights.pth"
      try TorchWriter.write(tensors, to: path)
      let file = try WeightFile(path)
      #expect(file.format == .torch && file.place == nil && file.ignored.isEmpty)
      #expect(file.entries.map(\.name) == tensors.keys.sorted())
      for (name, tensor) in tensors {
        #expect(file[name]?.shape == tensor.shape && file[name]?.type == .float32, "\(name)")
        #expect(try file.tensor(name).values == tensor.values, "\(name)")
      }
      #expect(try file.verify() == tensors.count + 3)
    }
  }

  @Test func elementsAreAlignedAndBytesReproducible() throws {
    try withTemporaryFolder { folder in
      let paths = ["one", "two"].map { "\(folder)/\($0).pth" }
      for path in paths { try TorchWriter.write(tensors, to: path) }
      let bytes = try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
      #expect(bytes[0] == bytes[1])
      // The six floats of "conv.weight" as they lie in the file.
      let floats = tensors["conv.weight"]!.values.withUnsafeBytes { Data($0) }
      #expect(try #require(bytes[0].range(of: floats)).lowerBound % 64 == 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
    }
  }

  @Test func aPlaceThatCannotBeWrittenIsNamed() {
    withTemporaryFolder { folder in
      _ = #expect { try TorchWriter.write(tensors, to: folder + "/none/weights.pth") } throws: { "\($0)".contains("weights.pth") }
    }
  }
}
