// Files that PyTorch wrote (Tests/Yardstick/weight_fixtures.py): every type and layout, every place of the weights, memory that is not copied.

import Foundation
import Learning
import TestSupport
import Tensors
import Testing
import Weights

@Suite struct WeightFileTests {
  /// 0, 0.25, 0.5, ...
  func ramp(_ count: Int) -> [Float] { (0..<count).map { Float($0) / 4 } }

  @Test func everyTypeAndLayoutIsRead() throws {
    let file = try WeightFile(fixture("kinds.pth"))
    let expected: [(name: String, type: ElementType, shape: [Int], values: [Float])] = [
      ("float", .float32, [2, 3], ramp(6)), ("half", .float16, [5], ramp(5)), ("bfloat", .bfloat16, [4], ramp(4)),
      ("long", .int64, [2], [-7, 1_048_576]), ("int", .int32, [2], [3, -4]), ("byte", .uint8, [2], [0, 255]),
      ("bool", .bool, [3], [1, 0, 1]), ("scalar", .float32, [], [2.5]), ("empty", .float32, [0, 3], []),
      ("parameter", .float32, [3], ramp(3)),
      ("transposed", .float32, [4, 2, 3], (0..<4).flatMap { c in (0..<6).map { Float($0 * 4 + c) / 4 } }),
      ("strided", .float32, [3, 3], (0..<3).flatMap { row in [1, 4, 7].map { Float(row * 8 + $0) / 4 } }),
      ("head", .float32, [4], Array(ramp(12)[..<4])), ("tail", .float32, [2, 4], Array(ramp(12)[4...])),
    ]
    #expect(file.format == .torch && file.place == nil && file.entries.map(\.name) == expected.map(\.name))
    for (name, type, shape, values) in expected {
      let entry = try #require(file[name]), tensor = try file.tensor(name)
      #expect(entry.type == type && entry.shape == shape && tensor.shape == Shape(shape) && tensor.values == values, "\(name)")
    }
    #expect(try file.verify() == 19)
  }

  @Test func checkpointsOfTrainingProgramsGiveTheirWeights() throws {
    let file = try WeightFile(fixture("checkpoint.pth"))
    #expect(file.place == "model_state_dict" && file.entries.map(\.name) == ["weight", "bias"])
    #expect(try file.tensor("weight").values == ramp(6))
    #expect(try file.tensor("bias").values == ramp(3))
    #expect(file.ignored.contains("optimizer (dictionary)") && file.ignored.contains("args (argparse.Namespace)"))
  }

  @Test(arguments: [
    ("state_dict", "state_dict"), ("network_weights", "network_weights"), ("model", "model"), ("parallel", nil),
    ("protocol4", nil),
  ]) func theWeightsAreFoundWhereProgramsPutThem(name: String, place: String?) throws {
    let file = try WeightFile(fixture("\(name).pth"))
    #expect(file.place == place && file.entries.map(\.name) == ["weight"])
    #expect(try file.tensor("weight").values == ramp(4))
  }

  @Test func alignedFloatsAreUsedWhereTheyLieAndOutliveTheFile() throws {
    var file: WeightFile? = try WeightFile(fixture("kinds.pth"))
    func place(_ name: String) throws -> UnsafeMutablePointer<Float> { try file!.tensor(name).pointer }
    let head = try place("head"), tail = try place("tail")
    #expect(tail == head + 4, "two windows of one storage")
    let float = try file!.tensor("float"), again = try file!.tensor("float"), half = try file!.tensor("half")
    #expect(float.pointer == again.pointer)
    file = nil
    #expect(float.values == ramp(6) && half.values == ramp(5))
  }

  @Test func misalignedFloatsAreCopied() throws {
    for padding in 0..<4 {
      let pickle = pickledTensor(count: 2, shape: [2], strides: [1])
      let bytes = storedZip([
        ("a/data.pkl", pickle), ("a/x", [UInt8](repeating: 0, count: padding)), ("a/data/0", stored([1, 2])),
      ])
      let tensor = try withFile(bytes) { path in try WeightFile(path).tensor("w") }
      #expect(tensor.values == [1, 2], "\(padding)")
    }
  }

  @Test func sizesOf64BitsAreRead() throws {
    try withFile(archive(pickle: pickledTensor(count: 2, shape: [2], strides: [1]), storage: stored([1, 2]), wide: true)) {
      path in
      let file = try WeightFile(path), tensor = try file.tensor("w"), verified = try file.verify()
      #expect(tensor.values == [1, 2] && verified == 2)
    }
  }

  @Test func doublesAreListedButNotLoaded() throws {
    let file = try WeightFile(fixture("double.pth"))
    #expect(file["double"]!.type == .float64)
    #expect(try file.tensor("single").values == ramp(2))
    #expect { try file.tensor("double") } throws: { "\($0)".contains("\"double\" is float64") && "\($0)".contains("convert") }
    #expect { try file.tensor("none") } throws: { "\($0)".contains("no array \"none\"") }
    #expect {
      try file.load(into: [ParameterSet([.init("double", [2], .constant(0))], seed: 1)], allowing: .init { _ in true })
    } throws: { "\($0)".contains("float64") || "\($0)".contains("single") }
  }

  @Test func bothFormatsGiveTheSameTensorsAndHash() throws {
    try withTemporaryFolder { folder in
      let torch = try WeightFile(fixture("kinds.pth")), path = folder + "/kinds.safetensors"
      try torch.convert(to: path, half: false)
      let converted = try WeightFile(path)
      #expect(converted.format == .safetensors && converted.weightsHash == torch.weightsHash)
      for entry in torch.entries {
        let (a, b) = (try torch.tensor(entry.name), try converted.tensor(entry.name))
        #expect(a.shape == b.shape && a.values == b.values, "\(entry.name)")
      }
      try torch.convert(to: path, half: true)
      let half = try WeightFile(path)
      #expect(half["float"]!.type == .float16 && half["long"]!.type == .float32, "whole numbers keep their digits")
      #expect(half.weightsHash == torch.weightsHash, "quarters are exact in float16")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["kinds.safetensors"])
    }
  }

  @Test func theHashSeesEveryNameShapeAndBit() throws {
    #expect(try WeightFile(fixture("kinds.pth")).weightsHash == 0xF66C_3137_0ED0_1BC5, "keys of caches must not change")
    try withTemporaryFolder { folder in
      func hash(_ tensors: [String: StoredTensor]) throws -> UInt64 {
        try Safetensors.write(tensors, to: folder + "/w")
        return try WeightFile(folder + "/w").weightsHash
      }
      let values = (0..<37).map { Float($0) }, base = try hash(["a": .init(shape: [37], values: values)])
      var seen: Set<UInt64> = [
        base, try hash(["b": .init(shape: [37], values: values)]), try hash(["a": .init(shape: [37, 1], values: values)]),
        try hash(["a": .init(shape: [37], values: values), "b": .init(shape: [0], values: [])]),
      ]
      #expect(seen.count == 4)
      for index in values.indices {
        var changed = values
        changed[index] = -changed[index]  // of 0, too: the bits differ
        #expect(seen.insert(try hash(["a": .init(shape: [37], values: changed)])).inserted, "element \(index)")
      }
      #expect(try hash(["a": .init(shape: [37], values: values)]) == base)
    }
  }
}
