// SAM with LoRA and a decoder for classes against the original network (segment_anything and hitachinsk/SAMed) on random weights: embedding, logits, loss
// and every gradient. Sizes are read from the golden file.

import Kernels
import Learning
import Networks
import TestSupport
import Tensors
import Testing

/// A golden file of SAM with LoRA.
struct SAMGolden {
  let tensors: [String: GoldenTensor]
  let plan: SAMPlan
  let sam: AdaptedSAM

  init(_ file: String = golden("sam_lora_tiny.safetensors")) throws {
    let all = try loadSafetensors(file)
    func named(_ prefix: String) -> [String: GoldenTensor] {
      Dictionary(
        uniqueKeysWithValues: all.filter { $0.key.hasPrefix(prefix) }.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    }
    let weights = named("weights."), adapters = named("lora.")
    let plan = try SAMPlan(shapes: weights.mapValues(\.shape))
    let frozen = FrozenParameters(weights.map { ($0.key, Tensor($0.value.floats, shape: Shape($0.value.shape))) })
    let sam = AdaptedSAM(plan, frozen: frozen, rank: try #require(adapters["w_a_000"]).shape[0], seed: 1)
    for parameter in sam.trained.parameters {
      let values = try #require(weights[parameter.name] ?? adapters[parameter.name], "\(parameter.name)")
      try #require(values.shape == parameter.shape.sizes)
      parameter.value.pointer.update(from: values.floats, count: values.floats.count)
    }
    (tensors, self.plan, self.sam) = (all, plan, sam)
  }

  var batch: Int { tensors["input"]!.shape[0] }
  var labels: [UInt8] { tensors["labels"]!.bytes }

  /// Sample b of the input, [1, 1, S, S, 1], or with its channel three times.
  func image(_ b: Int, channels: Int = 1) -> Tensor {
    let pixels = plan.canvas * plan.canvas, values = Array(tensors["input"]!.floats[b * pixels..<(b + 1) * pixels])
    let repeated = channels == 1 ? values : values.flatMap { [Float](repeating: $0, count: channels) }
    return Tensor(repeated, shape: [1, 1, plan.canvas, plan.canvas, channels])
  }

  /// Values [B, C, side, side] as [side, side, C] of one sample.
  func channelsLast(_ name: String, _ b: Int) -> [Float] {
    let tensor = tensors[name]!, channels = tensor.shape[1], pixels = tensor.shape[2] * tensor.shape[3]
    return (0..<pixels * channels).map { tensor.floats[(b * channels + $0 % channels) * pixels + $0 / channels] }
  }

  /// The loss of fine-tuning over all samples.
  func loss(on tape: Tape, _ network: SAM) -> (dice: Scalar, crossEntropy: [Scalar]) {
    let pixels = plan.canvas * plan.canvas
    let logits = (0..<batch).map { b in
      tape.upsampledPlane(
        network.logits(embedding: network.embedding(image(b), on: tape), on: tape), by: plan.upsampling)
    }
    let probabilities = logits.map { tape.softmax($0) }
    let dice = tape.diceLoss(
      tape.stacked(probabilities), labels: labels, epsilon: 1e-10, wholeBatch: true, unlabelled: .counted)
    let labelled = labels.count { $0 < plan.masks }
    precondition(labelled > 0)
    return (
      dice,
      (0..<batch).map { b in
        tape.crossEntropy(
          logits[b], probabilities: probabilities[b], labels: Array(labels[b * pixels..<(b + 1) * pixels]), unlabelled: .counted)
      }
    )
  }

  /// The share of all labelled pixels that lie in each sample.
  var shares: [Double] {
    let pixels = plan.canvas * plan.canvas
    let counts = (0..<batch).map { b in Double(labels[b * pixels..<(b + 1) * pixels].count { $0 < plan.masks }) }
    return counts.map { $0 / counts.reduce(0, +) }
  }
}

@Suite struct SAMTests {
  @Test(arguments: [1, 3]) func embeddingAndLogitsAreTheOriginals(channels: Int) throws {
    let golden = try SAMGolden()
    for network in [golden.sam.network, golden.sam.merged()] {
      for b in 0..<golden.batch {
        let tape = Tape(recording: false), embedding = network.embedding(golden.image(b, channels: channels), on: tape)
        #expect(differenceOverRange(embedding.values, golden.channelsLast("embedding", b)) < 1e-5)
        let logits = network.logits(embedding: embedding, on: tape)
        #expect(differenceOverRange(logits.values, golden.channelsLast("lowres_logits", b)) < 1e-5)
      }
    }
  }

  /// A rehearsal of memory may be the first that asks for positional codes and summed patch weights.
  @Test func aRehearsalBeforeChangesNothing() throws {
    let rehearsed = try SAMGolden(), fresh = try SAMGolden()
    func logits(_ golden: SAMGolden) -> [Float] {
      let tape = Tape(recording: false), network = golden.sam.network
      return network.logits(embedding: network.embedding(golden.image(0), on: tape), on: tape).values
    }
    _ = Rehearsal.peakBytes { _ = logits(rehearsed) }
    #expect(logits(rehearsed) == logits(fresh))
  }

  @Test(arguments: TapeMemory.allCases) func lossAndGradientsAreTheOriginals(memory: TapeMemory) throws {
    let golden = try SAMGolden(), tape = Tape(memory: memory), (dice, crossEntropy) = golden.loss(on: tape, golden.sam.network)
    let terms = zip(crossEntropy, golden.shares).map { ($0, weight: 0.5 * $1) } + [(dice, weight: 0.5)]
    let loss = terms.reduce(0) { $0 + $1.weight * $1.0.value }
    #expect(abs(dice.value - Double(golden.tensors["dice_loss"]!.floats[0])) < 1e-5)
    #expect(abs(loss - Double(golden.tensors["loss"]!.floats[0])) < 1e-5)
    golden.sam.trained.clearGradients()
    tape.backward(from: terms)
    for parameter in golden.sam.trained.parameters {
      let expected = try #require(
        golden.tensors["gradients." + parameter.name], "\(parameter.name) has no gradient in the original")
      // The biases of keys shift all logits of a row alike: their gradient is rounding alone.
      if parameter.name.hasSuffix("k_proj.bias") { continue }
      #expect(relativeNorm(parameter.gradient.values, expected.floats) < 1e-3, "\(parameter.name)")
    }
  }

  /// Where nothing is trained below the first projection, nothing is walked: the patch embedding and the first normalisation leave no record.
  @Test func frozenPartsLeaveNoRecord() throws {
    let golden = try SAMGolden(), tape = Tape()
    _ = golden.sam.network.embedding(golden.image(0), on: tape)
    #expect(!tape.operations.contains("patchConvolution") && tape.operations.first == "linear")
    let quiet = Tape()
    _ = golden.sam.merged().embedding(golden.image(0), on: quiet)
    #expect(quiet.operations.isEmpty, "\(quiet.operations)")
  }

  @Test func aPretrainedNetworkHasGradientsOfAllThatItUses() throws {
    let plan = SAMPlan(
      canvas: 64, patchSize: 8, embedding: 16, depth: 2, heads: 2, globalBlocks: [1], window: 5, promptDimension: 16, masks: 2)
    let set = ParameterSet(SAM.specification(plan), seed: 3), network = SAM(plan, parameters: set)
    for parameter in set.parameters where parameter.name.contains("rel_pos") || parameter.name.hasSuffix("pos_embed") {
      let key = RandomKey(7).child(UInt64(parameter.offset))
      for index in 0..<parameter.shape.count { parameter.value.pointer[index] = Float(key.gaussian(UInt64(index))) * 0.3 }
    }
    let key = RandomKey(11), image = Tensor((0..<3 * 64 * 64).map { Float(key.gaussian(UInt64($0))) }, shape: [1, 1, 64, 64, 3])
    let target = (0..<64 * 64).map { UInt8(key.integer(UInt64($0 + 1 << 20), below: 2)) }
    func loss(_ tape: Tape) -> Scalar {
      let embedding = network.embedding(image, on: tape)
      let logits = network.logits(
        embedding: embedding,
        points: [PlanePoint(row: 20, column: 30, isPositive: true), PlanePoint(row: 3, column: 9, isPositive: false)], on: tape)
      return tape.diceLoss(tape.softmax(tape.upsampledPlane(logits, by: plan.upsampling)), labels: target)
    }
    let tape = Tape(), value = loss(tape)
    set.clearGradients()
    tape.backward(from: [(value, weight: 1)])
    // One direction through all weights: the difference quotient against the gradient.
    for part in [
      "rel_pos_h", "rel_pos_w", "qkv.bias", "qkv.weight", "pos_embed", "patch_embed", "neck", "point_embeddings", "mask_tokens",
    ] {
      let chosen = set.parameters.filter { $0.name.contains(part) }
      var slope = 0.0
      func move(_ step: Float) {
        for parameter in chosen {
          for index in 0..<parameter.shape.count {
            parameter.value.pointer[index] += step * Float(key.gaussian(UInt64(parameter.offset + index)))
          }
        }
      }
      for parameter in chosen {
        for index in 0..<parameter.shape.count {
          slope += Double(parameter.gradient.pointer[index]) * key.gaussian(UInt64(parameter.offset + index))
        }
      }
      let step: Float = 2e-3
      move(step)
      let above = loss(Tape(recording: false)).value
      move(-2 * step)
      let below = loss(Tape(recording: false)).value
      move(step)
      let quotient = (above - below) / Double(2 * step)
      #expect(abs(quotient - slope) < 0.03 * max(abs(slope), 2e-3), "\(part): \(quotient) against \(slope)")
    }
  }

  @Test func otherWeightsAreRefused() {
    #expect(throws: NetworkError.self) { try SAMPlan(shapes: ["image_encoder.pos_embed": [1, 4, 4, 4, 8]]) }
    do { _ = try SAMPlan(shapes: ["w_a_000": [4, 768]]) } catch { #expect("\(error)".contains("LoRA alone")) }
    #expect(throws: NetworkError.self) { try SAMPlan.base.resized(canvas: 100) }
    #expect(SAM.specification(.base).count == 314 && SAM.specification(.base).parameterCount == 93_735_728)
    for (masks, updated) in [(2, 3_793_312), (5, 4_213_504), (9, 4_773_760), (14, 5_474_080)] {
      var plan = SAMPlan.base
      plan.masks = masks
      #expect(AdaptedSAM.specification(plan, rank: 4).parameterCount == updated, "what is updated, LoRA included")
    }
  }
}
