// SAM-Med3D against the original network (sam_med3d_tiny.safetensors, made with PyTorch in float32), the counts of the released
// one, and the gradient of a whole small network.

import Kernels
import Learning
import Networks
import Tensors
import TestSupport
import Testing
import Weights

@Suite struct SAMMed3DTests {
  /// Like the golden: a grid of 4 in windows of 14, global blocks 1 and 3.
  let tiny = SAMMed3DPlan(
    imageSize: 64, patchSize: 16, embedding: 48, depth: 4, heads: 3, globalBlocks: [1, 3], window: 14, promptDimension: 48)

  @Test func theReleasedNetworkHasTheKnownArrays() {
    let all = SAMMed3D.specification(.base)
    func part(_ prefix: String) -> [ParameterSpecification] { all.filter { $0.name.hasPrefix(prefix) } }
    #expect(all.count == 324 && all.parameterCount == 100_509_616)
    #expect(["image_encoder", "prompt_encoder", "mask_decoder"].map { part($0).count } == [189, 15, 120])
    #expect(part("image_encoder").parameterCount == 92_924_928)
    #expect(part("image_encoder.blocks.1.").parameterCount == 7_093_056)
    #expect(part("image_encoder.blocks.2.").parameterCount == 7_090_752)
  }

  @Test func aPlanIsReadOffTheShapes() throws {
    let shapes = { Dictionary(uniqueKeysWithValues: SAMMed3D.specification($0).map { ($0.name, $0.shape.sizes) }) }
    #expect(try SAMMed3DPlan(shapes: shapes(.base)) == .base)
    let file = try WeightFile(fixture("sam_med3d_tiny.safetensors")), prefix = "weights."
    let weights = file.entries.filter { $0.name.hasPrefix(prefix) }
    let stored = Dictionary(uniqueKeysWithValues: weights.map { (String($0.name.dropFirst(prefix.count)), $0.shape) })
    #expect(try SAMMed3DPlan(shapes: stored) == tiny)
    #expect(stored == shapes(tiny), "exactly these names and shapes")
  }

  @Test func weightsOfOtherNetworksAreRefused() {
    #expect(throws: NetworkError.self) { try SAMMed3DPlan(shapes: ["conv.weight": [3, 3]]) }
    var large = Dictionary(uniqueKeysWithValues: SAMMed3D.specification(tiny).map { ($0.name, $0.shape.sizes) })
    large["image_encoder.pos_embed"] = [1, 16, 16, 16, 48]
    #expect(throws: NetworkError.self, "a window smaller than the grid") { try SAMMed3DPlan(shapes: large) }
  }

  @Test(arguments: WindowPadding.allCases) func embeddingAndLogitsEqualTheOriginal(padding: WindowPadding) throws {
    let golden = try Safetensors.read(fixture("sam_med3d_tiny.safetensors"))
    let (weights, _) = try WeightFile(fixture("sam_med3d_tiny.safetensors"))
      .frozenParameters(SAMMed3D.specification(tiny), prefix: "weights.", allowing: LoadAllowance(unexpected: { _ in true }))
    let network = SAMMed3D(tiny, parameters: weights, padding: padding), tape = Tape(recording: false)
    func worst(_ found: Tensor, _ name: String) -> Float {
      zip(found.channelsFirst.values, golden[name]!.values).map { abs($0 - $1) }.max()!
    }
    let embedding = network.embedding(try Tensor(channelsFirst: golden["input"]!), on: tape)
    #expect(worst(embedding, "embedding") < 1e-4)
    let mask = try Tensor(channelsFirst: golden["mask_prompt"]!), voxel = golden["point"]!.values.map { Double($0) }
    let point = PointPrompt(voxel: SIMD3(voxel[0], voxel[1], voxel[2]), isPositive: true)
    func logits(_ mask: Tensor, _ points: [PointPrompt]) -> Tensor {
      network.logits(embedding: embedding, mask: mask, points: points, on: tape)
    }
    #expect(worst(logits(mask, []), "lowres_logits.mask") < 1e-4)
    #expect(worst(logits(Tensor(zeros: mask.shape), [point]), "lowres_logits.point") < 1e-4)
    #expect(worst(logits(mask, [point]), "lowres_logits.point_and_mask") < 1e-4)
  }

  @Test func foldedPaddingEqualsLiteral() {
    func numbers(_ shape: Shape, _ key: UInt64) -> Tensor {
      Tensor((0..<shape.count).map { Float(RandomKey(key).gaussian(UInt64($0))) }, shape: shape)
    }
    let qkv = numbers([2, 4, 4, 4, 72], 1), bias = Parameter(frozen: "bias", value: numbers([72], 2))
    let positions = RelativePositions(depth: 3, height: 4, width: 5).map {
      Parameter(frozen: "positions", value: numbers([13, 8], $0))
    }
    let results = WindowPadding.allCases.map {
      Tape(recording: false).relativeAttention(qkv, positions: positions, bias: bias, heads: 3, padding: $0).values
    }
    #expect(zip(results[0], results[1]).allSatisfy { abs($0 - $1) < 2e-6 })
  }

  @Test func positionalCodesEqualTheOriginal() throws {
    let small = PositionalCode(matrix: [0.25, 0, 0, 0.5, 0.1, 0.2])
    let point: [Float] = [-0.816169, 0.675188, 0.577813, 0.737646, -0.816169, 0.675188]
    #expect(zip(small.ofVoxel([10, 64, 100], imageSize: 128), point).allSatisfy { abs($0 - $1) < 1e-6 })
    let token: [Float] = [0.55557, -0.92388, 0.83147, -0.382683, 0.55557, -0.92388]
    let codes = small.ofTokens(grid: 8).values[((4 * 8 + 6) * 6)...]
    #expect(zip(codes, token).allSatisfy { abs($0 - $1) < 1e-6 })

    let golden = try Safetensors.read(fixture("sam_med3d_tiny.safetensors"))
    let matrix = golden["weights.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"]!.values
    let dense = Tensor(PositionalCode(matrix: matrix).ofTokens(grid: 4).values, shape: [1, 4, 4, 4, 48]).channelsFirst.values
    #expect(zip(dense, golden["dense_position_code"]!.values).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test func theUntrainedVectorStandsForNoMask() {
    let plan = SAMMed3DPlan(
      imageSize: 8, patchSize: 4, embedding: 16, depth: 1, heads: 2, globalBlocks: [0], window: 2, promptDimension: 48)
    let parameters = ParameterSet(SAMMed3D.specification(plan), seed: 4), tape = Tape(recording: false)
    let network = SAMMed3D(plan, parameters: parameters), embedding = Tensor(zeros: [1, 2, 2, 2, 48])
    let before = network.logits(embedding: embedding, mask: nil, points: [], on: tape).values
    parameters["prompt_encoder.no_mask_embed.weight"].value.pointer[3] += 1
    let isSame = before == network.logits(embedding: embedding, mask: nil, points: [], on: tape).values
    #expect(!isSame)
  }
}

/// A tape that records trains the whole network.
@Suite struct SAMMed3DGradientTests {
  let plan = SAMMed3DPlan(
    imageSize: 8, patchSize: 2, embedding: 32, depth: 2, heads: 2, globalBlocks: [0, 1], window: 4, promptDimension: 48)
  let parameters: ParameterSet
  let network: SAMMed3D

  init() {
    parameters = ParameterSet(SAMMed3D.specification(plan), seed: 5)
    for parameter in parameters.parameters where parameter.name.contains("pos") {
      for index in 0..<parameter.shape.count {
        parameter.value.pointer[index] += Float(0.2 * RandomKey(3).gaussian(UInt64(index)))
      }
    }
    network = SAMMed3D(plan, parameters: parameters)
  }

  func numbers(_ shape: Shape, _ key: UInt64) -> Tensor {
    Tensor((0..<shape.count).map { Float(RandomKey(key).gaussian(UInt64($0))) }, shape: shape)
  }

  /// Σ weight · logits with fixed weights.
  func objective(_ tape: Tape) -> Scalar {
    let embedding = network.embedding(numbers([1, 8, 8, 8, 1], 1), on: tape)
    let point = PointPrompt(voxel: [2, 5, 6], isPositive: true)
    let logits = network.logits(embedding: embedding, mask: numbers([1, 16, 16, 16, 1], 2), points: [point], on: tape)
    let weights = numbers(logits.shape, 7)
    let value = zip(logits.values, weights.values).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    return tape.recordScalar("linear form", inputs: [logits], value: value) { seed in
      tape.accumulate(Tensor(weights.values.map { Float(seed) * $0 }, shape: logits.shape), for: logits)
    }
  }

  @Test func finiteDifferencesAgreeWithEveryParametersGradient() {
    let tape = Tape()
    parameters.clearGradients()
    tape.backward(from: [(objective(tape), weight: 1)])
    let gradients = parameters.parameters.map(\.gradient.values)
    let norms = gradients.map { $0.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }, largest = norms.max()!
    var checked = 0
    for (parameter, (gradient, norm)) in zip(parameters.parameters, zip(gradients, norms)) where norm > 1e-4 * largest {
      // Short enough where the objective is steep, long enough for rounding elsewhere.
      let direction = gradient.map { $0 / Float(norm) }, step = Float(min(3e-3, 0.03 / norm)), first = parameter.value.values
      func value(_ sign: Float) -> Double {
        for index in first.indices { parameter.value.pointer[index] = first[index] + sign * step * direction[index] }
        return objective(Tape(recording: false)).value
      }
      let slope = (value(1) - value(-1)) / Double(2 * step)
      _ = value(0)
      #expect(abs(slope - norm) < 0.02 * norm, "\(parameter.name): \(slope), \(norm)")
      checked += 1
    }
    #expect(checked > 100)
  }

  @Test func unusedParametersHaveNoGradient() {
    let tape = Tape()
    parameters.clearGradients()
    tape.backward(from: [(objective(tape), weight: 1)])
    let idle = parameters.parameters.filter { $0.gradient.values.allSatisfy { $0 == 0 } }.map(\.name)
    let expected = [
      "iou_prediction_head", "mlps.1", "mlps.2", "mlps.3", "gaussian_matrix", "no_mask_embed", "point_embeddings.0",
    ]
    #expect(idle.allSatisfy { name in expected.contains { name.contains($0) } }, "\(idle)")
    #expect(idle.count == 6 + 18 + 3)
  }
}
