// Networks as nodes of ONNX: which, on what, with which arrays. What they compute is compared with onnxruntime by `make compare-export`.

import Export
import Learning
import Networks
import Tensors
import Testing

@Suite struct ONNXGraphTests {
  private func network(_ name: String, _ options: [String: String]) throws -> any Network {
    try makeNetwork(name, NetworkPlan(inputChannels: 2, classes: 3, options: options, seed: 1))
  }

  @Test func theUNetIsConvolutionsNormalisationsAndUpsampledSkips() throws {
    let graph = try onnxGraph(of: try network("unet3d", ["base": "2"]), channels: 2)
    let layer = ["Conv", "InstanceNormalization", "Relu"], block = layer + layer
    let down = (0..<4).flatMap { _ in block + ["MaxPool"] } + block
    let up = (0..<4).flatMap { _ in ["Resize", "Concat"] + block } + ["Conv"]
    #expect(graph.nodes.map(\.operation) == down + up)
    #expect(graph.nodes[0].inputs == ["image", "conv1.conv1.0.weight"] && graph.nodes.last?.output == "logits")
    #expect(graph.nodes.last?.inputs.suffix(2) == ["final.weight", "final.bias"])
    let shapes = Dictionary(uniqueKeysWithValues: graph.arrays.map { ($0.name, $0.shape) })
    #expect(shapes["conv1.conv1.0.weight"] == [2, 2, 3, 3, 3] && shapes["final.weight"] == [3, 2, 1, 1, 1])
    #expect(shapes["ones_32"] == [32] && shapes["scales_2_2_2"] == [5])
  }

  @Test(arguments: [
    ("unet3d", ["base": "2"]), ("vnet", ["base": "2"]), ("vnet", ["base": "2", "norm": "instance"]),
    ("stunet", ["base": "2", "depth": "2"]), ("stunet", ["base": "2", "strides": "1,2,2;2,2,2"]),
    ("plainconvunet", ["base": "2", "strides": "1,2,2;2,2,2", "kernels": "1,3,3;3,3,3;3,3,3"]),
  ]) func everyNetworkIsWholeAndInOrder(name: String, options: [String: String]) throws {
    let network = try network(name, options), graph = try onnxGraph(of: network, channels: 2)
    var known = Set(graph.arrays.map(\.name) + ["image", ""])
    for node in graph.nodes {
      #expect(known.isSuperset(of: node.inputs), "\(node.operation) of \(node.inputs)")
      #expect(known.insert(node.output).inserted, "\(node.output)")
    }
    #expect(graph.nodes.last?.output == "logits")
    for array in graph.arrays { #expect(array.values.count == array.shape.reduce(1, *), "\(array.name)") }
    let arrays = Dictionary(uniqueKeysWithValues: graph.arrays.map { ($0.name, $0.values) })
    let used = network.parameters.parameters.filter { arrays[$0.name] != nil }
    #expect(used.filter { $0.name.hasSuffix(".weight") }.count > 10 || name == "plainconvunet")
    for parameter in used { #expect(arrays[parameter.name] == parameter.value.values, "\(parameter.name)") }
  }

  @Test func anOperationWithoutAFormIsRefusedByName() {
    let trace = Trace(), tape = Tape(recording: false, trace: trace), image = Tensor(zeros: [1, 2, 2, 2, 1])
    _ = trace.number(of: image)
    let logits = tape.softmax(image)
    #expect {
      try ONNXGraph(trace, result: trace.number(of: logits))
    } throws: {
      "\($0)".contains("operation softmax has no form in ONNX") && "\($0)".contains(".safetensors")
    }
  }
}
