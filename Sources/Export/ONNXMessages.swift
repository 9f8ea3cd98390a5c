// The parts of an ONNX model as messages of Protocol Buffers, by the numbers of their fields in onnx.proto (onnx.ai, "ONNX IR").

import Files

/// An attribute of a node.
enum ONNXAttribute {
  case integer(Int)
  case integers([Int])
  case float(Float)
  case text(String)

  /// AttributeProto.
  func message(_ name: String) -> ProtocolMessage {
    var message = ProtocolMessage()
    message.add(name, as: 1)
    switch self {
    case .integer(let value):
      message.add(value, as: 3)
      message.add(2, as: 20)
    case .integers(let values):
      for value in values { message.add(value, as: 8) }
      message.add(7, as: 20)
    case .float(let value):
      message.add(value, as: 2)
      message.add(1, as: 20)
    case .text(let text):
      message.add(text, as: 4)
      message.add(3, as: 20)
    }
    return message
  }
}

/// A node of a graph, which names its inputs and its one output.
package struct ONNXNode {
  package let operation: String
  package let inputs: [String]
  package let output: String
  /// NodeProto.
  let message: ProtocolMessage

  init(_ operation: String, _ inputs: [String], to output: String, _ attributes: KeyValuePairs<String, ONNXAttribute> = [:]) {
    (self.operation, self.inputs, self.output) = (operation, inputs, output)
    var message = ProtocolMessage()
    for input in inputs { message.add(input, as: 1) }
    message.add(output, as: 2)
    message.add(output + "_" + operation, as: 3)
    message.add(operation, as: 4)
    for (name, attribute) in attributes { message.add(attribute.message(name), as: 5) }
    self.message = message
  }
}

/// A size of an axis: a number, or a name for one that is free.
enum ONNXSize {
  case fixed(Int)
  case free(String)
}

/// ValueInfoProto of float32 with these axes.
func onnxValue(_ name: String, _ sizes: [ONNXSize]) -> ProtocolMessage {
  var shape = ProtocolMessage()
  for size in sizes {
    var dimension = ProtocolMessage()
    switch size {
    case .fixed(let count): dimension.add(count, as: 1)
    case .free(let name): dimension.add(name, as: 2)
    }
    shape.add(dimension, as: 1)
  }
  var tensor = ProtocolMessage(), type = ProtocolMessage(), value = ProtocolMessage()
  tensor.add(1, as: 1)
  tensor.add(shape, as: 2)
  type.add(tensor, as: 1)
  value.add(name, as: 1)
  value.add(type, as: 2)
  return value
}

/// TensorProto of float32, row-major.
func onnxTensor(_ name: String, shape: [Int], _ values: [Float]) -> ProtocolMessage {
  var message = ProtocolMessage()
  for size in shape { message.add(size, as: 1) }
  message.add(1, as: 2)
  message.add(name, as: 8)
  message.add(values.withUnsafeBytes { Array($0) }, as: 9)
  return message
}
