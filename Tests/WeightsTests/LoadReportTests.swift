// One rule for loading: exactly the names and shapes of the network, unless the caller allows more; errors name the first and
// count the rest.

import Foundation
import Learning
import TestSupport
import Tensors
import Testing
import Weights

@Suite struct LoadReportTests {
  let needed: [ParameterSpecification] = [
    .init("a.weight", [2, 3], .constant(1)), .init("a.bias", [3], .constant(1)), .init("b.weight", [2], .constant(1)),
    .init("a.num_batches_tracked", [], .constant(7)),
  ]

  /// A safetensors file of ramps of those shapes, opened.
  func withWeights(_ shapes: [String: [Int]], _ body: (WeightFile) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let tensors = shapes.mapValues { shape in
        StoredTensor(shape: shape, values: (0..<shape.reduce(1, *)).map { Float($0) })
      }
      try Safetensors.write(tensors, to: folder + "/w.safetensors")
      try body(try WeightFile(folder + "/w.safetensors"))
    }
  }

  @Test func matchingTensorsAreLoadedAndFrozenWithoutCopies() throws {
    try withWeights(["a.weight": [2, 3], "a.bias": [3], "b.weight": [2], "a.num_batches_tracked": []]) { file in
      let set = ParameterSet(needed, seed: 1)
      let report = try file.load(into: [set])
      #expect(report.loaded == needed.map(\.name) && set["a.weight"].value.values == [0, 1, 2, 3, 4, 5])
      let (frozen, same) = try file.frozenParameters(needed)
      #expect(same.loaded == report.loaded && frozen.names == report.loaded && frozen["a.bias"].value.values == [0, 1, 2])
      let inPlace = try file.tensor("a.bias")
      #expect(frozen["a.bias"].value.pointer == inPlace.pointer)
    }
  }

  @Test func theCounterOfOldFilesMayBeMissing() throws {
    try withWeights(["a.weight": [2, 3], "a.bias": [3], "b.weight": [2]]) { file in
      let set = ParameterSet(needed, seed: 1), report = try file.load(into: [set])
      #expect(report.reinitialised == ["a.num_batches_tracked"] && set["a.num_batches_tracked"].value.values == [7])
    }
  }

  @Test func everyMisfitIsCountedAndNothingIsLoaded() throws {
    try withWeights(["a.weight": [3, 2], "b.weight": [2], "c.weight": [1], "d.weight": [1]]) { file in
      let set = ParameterSet(needed, seed: 1)
      #expect { try file.load(into: [set]) } throws: { error in
        ["lacks 1 of 4", "first is a.bias", "a.weight has shape [3, 2]", "needs [2, 3]", "has 2 arrays", "first is c.weight"]
          .allSatisfy { "\(error)".contains($0) }
      }
      #expect(set["b.weight"].value.values == [1, 1])
      #expect(throws: WeightError.self) { try file.frozenParameters(needed) }
    }
  }

  @Test func misfitsThatTheCallerAllowsKeepTheirValuesOrAreIgnored() throws {
    try withWeights(["a.weight": [3, 2], "b.weight": [2], "c.weight": [1]]) { file in
      let set = ParameterSet(needed, seed: 1)
      let allowance = LoadAllowance(reinitialised: { $0.hasPrefix("a.") }, unexpected: { $0 == "c.weight" })
      let report = try file.load(into: [set], allowing: allowance)
      #expect(report.loaded == ["b.weight"] && report.ignored == ["c.weight"])
      #expect(report.reinitialised == ["a.weight", "a.bias", "a.num_batches_tracked"])
      #expect(set["a.weight"].value.values == [1, 1, 1, 1, 1, 1] && set["b.weight"].value.values == [0, 1])
      let text = "\(report)"
      #expect(
        text.contains("1 of 4 arrays loaded") && text.contains("3 kept at first values: a.weight")
          && text.contains("1 of the file"))
      let json = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(report)) as! [String: Any]
      #expect(json["loaded"] as? [String] == ["b.weight"] && json["ignored"] as? [String] == ["c.weight"])
    }
  }

  @Test func aPrefixNamesThePartThatIsMeant() throws {
    try withWeights(["weights.b.weight": [2], "input": [4]]) { file in
      let set = ParameterSet([needed[2]], seed: 1), report = try file.load(into: [set], prefix: "weights.")
      #expect(report.loaded == ["b.weight"])
      #expect(throws: WeightError.self) { try file.load(into: [set]) }
    }
  }

  @Test(arguments: ["", "module."]) func stateDictsFollowTheSameRule(wrapper: String) throws {
    let set = ParameterSet(Array(needed[1...]), seed: 1)
    var tensors = [wrapper + "p.a.bias": StoredTensor(shape: [3], values: [5, 6, 7])]
    #expect { try set.load(stateDict: tensors, prefix: "p.", from: "f") } throws: { "\($0)".contains("lacks 1 of 3") }
    tensors[wrapper + "p.b.weight"] = StoredTensor(shape: [2], values: [8, 9])
    try set.load(stateDict: tensors, prefix: "p.", from: "f")
    #expect(set["a.bias"].value.values == [5, 6, 7] && set["b.weight"].value.values == [8, 9])
  }
}
