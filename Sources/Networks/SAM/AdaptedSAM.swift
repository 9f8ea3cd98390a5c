// SAM with a frozen image encoder, LoRA on its queries and values, and a decoder for classes: what SFR fine-tunes (SAMed: Zhang and Liu,
// arXiv:2304.13785; hitachinsk/SAMed, sam_lora_image_encoder.py). A, B: y += B · A · x, without scaling.
// Axes: E channels of a token, R rank, T masks, which are the K classes.

import Learning
import Tensors

public final class AdaptedSAM {
  /// The network that trains.
  public let network: SAM
  /// What training changes: LoRA as `w_a_000`, `w_b_000` ..., the vector for no mask, and the decoder without its scores of masks, which nothing asks for.
  public let trained: ParameterSet
  /// Everything else: the encoder, prompts and scores.
  private let frozen: any ParameterTable

  public var plan: SAMPlan { network.plan }

  /// - Parameters:
  ///   - frozen: every array of `SAM.specification(plan)` that is not trained, at least.
  ///   - rank: R.
  ///   - seed: of the first values: A as PyTorch's linear layers, B zero, the decoder as SAM's.
  public init(_ plan: SAMPlan, frozen: any ParameterTable, rank: Int, seed: UInt64) {
    let set = ParameterSet(Self.specification(plan, rank: rank), seed: seed)
    (trained, self.frozen) = (set, frozen)
    network = SAM(
      plan, parameters: LayeredParameters(over: set, frozen), adapters: (0..<plan.depth).map { Self.adapters($0, plan, set) })
  }

  /// The trained arrays, before memory exists.
  public static func specification(_ plan: SAMPlan, rank: Int) -> [ParameterSpecification] {
    let bound = ParameterSpecification.Initializer.uniform(bound: 1 / Double(plan.embedding).squareRoot())
    let adapters = (0..<2 * plan.depth).flatMap { number -> [ParameterSpecification] in
      [
        .init(adapterName("a", number), [rank, plan.embedding], bound),
        .init(adapterName("b", number), [plan.embedding, rank], .constant(0)),
      ]
    }
    return adapters + SAM.specification(plan).filter { isTrained($0.name) }
  }

  /// Whether fine-tuning changes an array of SAM.
  public static func isTrained(_ name: String) -> Bool {
    name == "prompt_encoder.no_mask_embed.weight" || name.hasPrefix("mask_decoder.") && !name.hasPrefix(scores)
  }

  /// Whether an array of SAM depends on the number of masks, so that it is made anew for another number of classes.
  public static func dependsOnMasks(_ name: String) -> Bool {
    ["mask_decoder.mask_tokens.", "mask_decoder.output_hypernetworks_mlps.", scores].contains { name.hasPrefix($0) }
  }

  private static let scores = "mask_decoder.iou_prediction_head."

  /// The name in SAMed's files: number 2i is block i's queries, 2i + 1 its values.
  private static func adapterName(_ matrix: String, _ number: Int) -> String {
    let digits = String(number)
    return "w_\(matrix)_" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
  }

  private static func adapters(_ block: Int, _ plan: SAMPlan, _ trained: ParameterSet) -> [LowRankAdapter] {
    let e = plan.embedding
    return [0..<e, 2 * e..<3 * e].enumerated().map { position, columns in
      LowRankAdapter(
        columns: columns, down: trained[adapterName("a", 2 * block + position)],
        up: trained[adapterName("b", 2 * block + position)])
    }
  }

  /// The same network without adapters, frozen: they are added to the weights of the projections, of which it has copies, and it shares all else.
  public func merged() -> SAM {
    var own: [(name: String, value: Tensor)] = []
    for block in 0..<plan.depth {
      let weight = frozen["image_encoder.blocks.\(block).attn.qkv.weight"]
      let copy = Tensor(weight.value.values, shape: weight.shape)
      for adapter in Self.adapters(block, plan, trained) { adapter.merge(into: copy) }
      own.append((weight.name, copy))
    }
    own += trained.parameters.filter { Self.isTrained($0.name) }.map { ($0.name, $0.value) }
    return SAM(plan, parameters: LayeredParameters(over: FrozenParameters(own), frozen))
  }
}

/// Two tables of parameters as one.
struct LayeredParameters: ParameterTable {
  private let first, second: any ParameterTable

  /// - Parameter first: is asked first.
  init(over first: any ParameterTable, _ second: any ParameterTable) { (self.first, self.second) = (first, second) }

  func contains(_ name: String) -> Bool { first.contains(name) || second.contains(name) }
  subscript(name: String) -> Parameter { first.contains(name) ? first[name] : second[name] }
}
