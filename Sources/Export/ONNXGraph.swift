// The operations of a traced forward pass as nodes of ONNX, opset 17. A trace is channels last and ONNX channels first; the weights are in PyTorch's
// layout, which is ONNX's. Axes: B batch, C channels, D H W voxels.

import Kernels
import Tensors

/// Nodes and the arrays that they name.
package struct ONNXGraph {
  package static let image = "image", logits = "logits"

  package private(set) var nodes: [ONNXNode] = []
  package private(set) var arrays: [(name: String, shape: [Int], values: [Float])] = []
  private var known: Set<String> = []
  /// The number of the traced value that is the result.
  private let result: Int
  /// The traced values that are known so far: the image, which is the first of all, and what was made of it.
  private var made: Set<Int> = [0]

  /// - Parameter result: the number of the logits in the trace.
  /// Errors: an operation that is not translated, and a value that does not follow from the image.
  package init(_ trace: Trace, result: Int) throws(ExportError) {
    self.result = result
    for entry in trace.entries { try add(entry) }
  }

  private mutating func add(_ entry: Trace.Entry) throws(ExportError) {
    guard let layer = entry.layer, made.isSuperset(of: entry.inputs) else {
      throw ExportError(
        "the network's operation \(entry.operation) has no form in ONNX here: export .pth or .safetensors, which hold any network."
      )
    }
    let output = name(entry.output)
    switch layer {
    case .convolution(let upsampling, let stride, let padding):
      var inputs: [String] = []
      for (number, factors) in zip(entry.inputs, upsampling) { inputs.append(upsampled(name(number), factors, for: output)) }
      let joined = inputs.count == 1 ? inputs[0] : output + "_joined"
      if inputs.count > 1 { nodes.append(ONNXNode("Concat", inputs, to: joined, ["axis": .integer(1)])) }
      nodes.append(
        ONNXNode(
          "Conv", [joined] + entry.parameters.map { array($0) }, to: output,
          ["strides": .integers(stride), "pads": .integers(padding + padding)]))
    case .transposedConvolution:
      let factors = Array(entry.parameters[0].shape.sizes[2...])
      nodes.append(
        ONNXNode(
          "ConvTranspose", [name(entry.inputs[0])] + entry.parameters.map { array($0) }, to: output,
          ["strides": .integers(factors)]))
    case .normalization(let moments, let slope, let sum, let epsilon):
      try addNormalization(entry, moments, slope: slope, sum: sum, epsilon: epsilon)
    case .maxPooling:
      nodes.append(
        ONNXNode(
          "MaxPool", [name(entry.inputs[0])], to: output,
          ["kernel_shape": .integers([2, 2, 2]), "strides": .integers([2, 2, 2])])
      )
    }
    made.insert(entry.output)
  }

  /// Upsampling of the inputs of a joined convolution.
  private mutating func upsampled(_ input: String, _ axes: [Upsampling]?, for output: String) -> String {
    guard let axes else { return input }
    let isLinear = axes.contains(.linear), result = "\(output)_of_\(input)"
    let factors = axes.map { axis in if case .nearest(let times) = axis { Float(times) } else { Float(2) } }
    let scales = array("scales_" + factors.map { "\(Int($0))" }.joined(separator: "_"), [5], [1, 1] + factors)
    nodes.append(
      ONNXNode(
        "Resize", [input, "", scales], to: result,
        isLinear
          ? ["mode": .text("linear"), "coordinate_transformation_mode": .text("half_pixel")]
          : [
            "mode": .text("nearest"), "coordinate_transformation_mode": .text("asymmetric"), "nearest_mode": .text("floor"),
          ]))
    return result
  }

  /// Normalisation, a sum before or after the activation, the activation: each a node of its own.
  private mutating func addNormalization(
    _ entry: Trace.Entry, _ moments: NormalizationMoments, slope: Float, sum: NormalizationSum<Void>, epsilon: Double
  ) throws(ExportError) {
    let output = name(entry.output)
    var steps: [(operation: String, more: [String], attributes: KeyValuePairs<String, ONNXAttribute>)] = []
    let epsilon: KeyValuePairs<String, ONNXAttribute> = ["epsilon": .float(Float(epsilon))]
    switch moments {
    case .ofSamples: steps.append(("InstanceNormalization", affine(entry.parameters, channels: entry.shape.channels), epsilon))
    case .fixed(let moments):
      let channels = moments.mean.count, mean = moments.mean.map { Float($0) }, variance = moments.variance.map { Float($0) }
      let arrays = [array(output + "_mean", [channels], mean), array(output + "_variance", [channels], variance)]
      steps.append(("BatchNormalization", affine(entry.parameters, channels: channels) + arrays, epsilon))
    case .ofBatch:
      throw ExportError("the network normalises by its batch, which no file can hold: export .pth or .safetensors.")
    }
    if case .beforeActivation = sum { steps.append(("Add", [name(entry.inputs[1])], [:])) }
    if slope == 0 { steps.append(("Relu", [], [:])) }
    if slope != 0, slope != 1 { steps.append(("LeakyRelu", [], ["alpha": .float(slope)])) }
    if case .afterActivation = sum { steps.append(("Add", [name(entry.inputs[1])], [:])) }
    var value = name(entry.inputs[0])
    for (number, step) in steps.enumerated() {
      let next = number == steps.count - 1 ? output : "\(output)_\(number)"
      nodes.append(ONNXNode(step.operation, [value] + step.more, to: next, step.attributes))
      value = next
    }
  }

  /// Weight and bias of a normalisation; ones and zeros where it has none.
  private mutating func affine(_ parameters: [Parameter], channels: Int) -> [String] {
    guard parameters.isEmpty else { return parameters.map { array($0) } }
    return [
      array("ones_\(channels)", [channels], [Float](repeating: 1, count: channels)),
      array("zeros_\(channels)", [channels], [Float](repeating: 0, count: channels)),
    ]
  }

  private mutating func array(_ parameter: Parameter) -> String {
    array(parameter.name, parameter.shape.sizes, parameter.value.values)
  }

  /// Keeps an array under its name, once.
  private mutating func array(_ name: String, _ shape: [Int], _ values: @autoclosure () -> [Float]) -> String {
    if known.insert(name).inserted { arrays.append((name, shape, values())) }
    return name
  }

  private func name(_ value: Int) -> String { value == 0 ? Self.image : value == result ? Self.logits : "value_\(value)" }
}
