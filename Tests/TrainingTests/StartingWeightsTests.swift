// Runs that begin with weights of a file: the body is loaded and the heads begin anew, one channel stands for several, and what does not fit is named.

import Foundation
import Learning
import Networks
import TestSupport
import Tensors
import Testing
import Training
import Weights

@Suite struct StartingWeightsTests {
  private static let widths = "2,2,2,2,2,4"

  private func network(seed: UInt64, channels: Int = 1, classes: Int = 5, widths: String = widths) throws -> STUNet {
    try STUNet(NetworkPlan(inputChannels: channels, classes: classes, options: ["widths": widths], seed: seed))
  }

  private func work(_ folder: String, weights: String, _ overrides: [String] = [], method: String = "cps") throws -> MethodWork {
    let yaml = TinyCohort.runFile(data: folder + "/packs", output: folder + "/run", method: method)
    let configuration = try RunConfiguration(
      yaml: yaml.replacingOccurrences(
        of: "network: {name: unet3d, base: 2}", with: "network: {name: stunet, widths: \"\(Self.widths)\"}"),
      source: "test", overrides: ["network.weights=\(weights)", "patch=[64, 64, 64]"] + overrides)
    return try MethodWork(StagePlan(configuration, rank: 0, ranks: 1))
  }

  private func write(_ parameters: [Parameter], to path: String) throws {
    let arrays = parameters.map { ($0.name, StoredTensor(shape: $0.shape.sizes, values: $0.value.values)) }
    try Safetensors.write(Dictionary(uniqueKeysWithValues: arrays), to: path)
  }

  @Test func bothStudentsTakeTheBodyAndKeepTheirHeads() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      let pretrained = try network(seed: 99), path = folder + "/stunet.safetensors"
      try write(pretrained.parameters.parameters, to: path)
      let modules = try work(folder, weights: path).modules.map(\.module)
      #expect(modules.map(\.name) == ["student", "second"])
      for module in modules {
        for parameter in module.parameters.parameters where !parameter.name.hasPrefix("seg_outputs.") {
          #expect(
            parameter.value.values == pretrained.parameters[parameter.name].value.values, "\(module.name) \(parameter.name)")
        }
      }
      let heads = modules.map { $0.parameters["seg_outputs.4.weight"].value.values }
      #expect(heads[0] != heads[1] && heads[0].contains { $0 != 0 })
    }
  }

  @Test func allArraysAreTakenWhereAsked() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      let trained = try network(seed: 99, classes: 3), path = folder + "/stunet.safetensors"
      try write(trained.parameters.parameters, to: path)
      let student = try work(folder, weights: path, ["network.load=all"], method: "supervised").modules[0].module
      #expect(student.parameters.values.values == trained.parameters.values.values)
    }
  }

  @Test(arguments: ["pth", "safetensors"]) func runningStatisticsComeWithTheWeights(ending: String) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      let yaml = TinyCohort.runFile(data: folder + "/packs", output: folder + "/run", method: "supervised")
        .replacingOccurrences(of: "network: {name: unet3d, base: 2}", with: "network: {name: vnet, base: 1}")
      let path = "\(folder)/vnet.\(ending)",
        trained = try VNet(
          NetworkPlan(inputChannels: 1, classes: 3, options: ["base": "1"], seed: 9))
      for (number, buffer) in trained.statistics!.buffers.parameters.enumerated() { buffer.value.pointer[0] = Float(number + 2) }
      let arrays = trained.state.reduce(into: [:]) { $0.merge($1.stateDict) { first, _ in first } }
      if ending == "pth" { try TorchWriter.write(arrays, to: path) } else { try Safetensors.write(arrays, to: path) }
      let configuration = try RunConfiguration(
        yaml: yaml, source: "test", overrides: ["network.weights=\(path)", "network.load=all"])
      let student = try MethodWork(StagePlan(configuration, rank: 0, ranks: 1)).modules[0].module
      #expect(student.parameters.values.values == trained.parameters.values.values)
      #expect(student.statistics?.buffers.values.values == trained.statistics?.buffers.values.values)
    }
  }

  @Test func whatDoesNotFitIsNamed() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      let path = folder + "/stunet.safetensors", arrays = try network(seed: 99).parameters.parameters
      try write(arrays.filter { $0.name != "conv_blocks_context.5.0.conv2.bias" }, to: path)
      #expect { try work(folder, weights: path) } throws: { "\($0)".contains("conv_blocks_context.5.0.conv2.bias") }
      try write(try network(seed: 99, widths: "2,2,2,2,2,6").parameters.parameters, to: path)
      #expect { try work(folder, weights: path) } throws: { "\($0)".contains("the network needs [4, 2, 3, 3, 3]") }
      #expect { try work(folder, weights: path, ["network.load=all"]) } throws: { "\($0)".contains("network.weights") }
      try write([Parameter(frozen: "elsewhere", value: Tensor([1], shape: [1]))], to: path)
      #expect { try work(folder, weights: path) } throws: { "\($0)".contains("no array of the network") }
      #expect { try work(folder, weights: folder + "/none.pth") } throws: { "\($0)".contains("none.pth") }
    }
  }
}
