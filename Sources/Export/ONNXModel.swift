// A trained network as an ONNX model of opset 17, for a batch of any size of patches as in training.

import Files
import Networks
import Tensors
import Training

/// The file of an ONNX model.
struct ONNXModel {
  private static let intermediateVersion = 8, operationSet = 17
  /// Protocol Buffers cannot hold more.
  private static let most = Int(Int32.max)

  let bytes: [UInt8]

  /// - Parameters:
  ///   - texts: about the model, by name.
  ///   - path: the file to be, for messages.
  /// Errors: a network that ONNX does not hold.
  init(_ model: TrainedModel, texts: [String: String], path: String) throws(ExportError) {
    let graph = try onnxGraph(of: model.network, channels: model.description.channelNames.count)
    let size = graph.arrays.reduce(1 << 20) { $0 + 4 * $1.values.count }
    guard size <= Self.most else {
      throw ExportError("\(path) would have \(size) bytes, more than the 2 GiB of an ONNX model: export .safetensors.")
    }
    var message = ProtocolMessage(), set = ProtocolMessage()
    message.add(Self.intermediateVersion, as: 1)
    message.add("cohort", as: 2)
    message.add(Self.message(of: graph, model.description), as: 7)
    set.add("", as: 1)
    set.add(Self.operationSet, as: 2)
    message.add(set, as: 8)
    for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
      var entry = ProtocolMessage()
      entry.add(name, as: 1)
      entry.add(text, as: 2)
      message.add(entry, as: 14)
    }
    bytes = message.bytes
  }

  /// GraphProto.
  private static func message(of graph: ONNXGraph, _ description: ModelDescription) -> ProtocolMessage {
    let patch = sides(description.patch).map { ONNXSize.fixed($0) }, batch = ONNXSize.free("batch")
    var message = ProtocolMessage()
    for node in graph.nodes { message.add(node.message, as: 1) }
    message.add(description.network, as: 2)
    for array in graph.arrays { message.add(onnxTensor(array.name, shape: array.shape, array.values), as: 5) }
    message.add(onnxValue(ONNXGraph.image, [batch, .fixed(description.channelNames.count)] + patch), as: 11)
    message.add(onnxValue(ONNXGraph.logits, [batch, .fixed(description.plan.classes)] + patch), as: 12)
    return message
  }
}

/// The operations of a network's forward pass after training. They are the same for every patch, so a small one tells them.
package func onnxGraph(of network: any Network, channels: Int) throws(ExportError) -> ONNXGraph {
  let trace = Trace(), sides = network.divisor.map { 2 * $0 }
  let image = Tensor(zeros: Shape([1] + sides + [channels]))
  _ = trace.number(of: image)
  let logits = network.logits(image, mode: .evaluation, on: Tape(recording: false, trace: trace))
  return try ONNXGraph(trace, result: trace.number(of: logits))
}
