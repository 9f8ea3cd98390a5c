// LoRA and decoder of a fine-tuned SAM in a file, under SAMed's names (hitachinsk/SAMed, sam_lora_image_encoder.py): `w_a_000`, `w_b_000` ..., and the
// decoder's arrays under their own. Without the SAM that they were trained on they mean nothing: our files name it by its fingerprint.

import Files
import Learning
import Networks
import Weights

enum AdapterFile {
  private static let baseKey = "sam", commandKey = "command", command = "cohort train"

  /// Loads a file into a network of the same rank, classes and size.
  /// - Parameter base: the fingerprint of the SAM under it.
  /// - Returns: the lines of the load report.
  static func load(_ path: String, into sam: AdaptedSAM, base: UInt64) throws(TrainingError) -> String {
    do {
      let file = try WeightFile(path)
      if file.format == .safetensors, let named = try Safetensors.metadata(path)[baseKey], named != hexadecimal(base) {
        throw TrainingError(
          "\(path) was trained on another SAM (\(named)) than sam.checkpoint names (\(hexadecimal(base))): name that one.")
      }
      guard file["w_a_000"] != nil else {
        throw TrainingError("\(path) holds no LoRA (w_a_000): name a file that SAMed or an earlier run wrote.")
      }
      return try file.load(
        into: [sam.trained],
        allowing: LoadAllowance(unexpected: {
          $0.hasPrefix("prompt_encoder.") || $0.hasPrefix("mask_decoder.iou_prediction_head.")
        })
      ).description
    } catch let error as TrainingError { throw TrainingError("sam.adapters: \(error)") } catch {
      throw TrainingError("sam.adapters: \(error)")
    }
  }

  /// Writes what was trained, and the arrays beside it that belong to SAMed's format.
  static func write(_ sam: AdaptedSAM, base: UInt64, title: String, to path: String) throws {
    try Safetensors.write(
      sam.adapterState, metadata: [baseKey: hexadecimal(base), "title": title, commandKey: command], to: path)
  }

  private static func hexadecimal(_ hash: UInt64) -> String { String(hash, radix: 16) }
}

extension AdaptedSAM {
  /// All arrays of SAMed's format: LoRA, prompts and decoder.
  fileprivate var adapterState: [String: StoredTensor] {
    let beside = SAM.specification(plan).map(\.name).filter {
      ($0.hasPrefix("prompt_encoder.") || $0.hasPrefix("mask_decoder.")) && !Self.isTrained($0) && network.parameters.contains($0)
    }
    return beside.reduce(into: trained.stateDict) { state, name in
      let parameter = network.parameters[name]
      state[name] = StoredTensor(shape: parameter.shape.sizes, values: parameter.value.values)
    }
  }
}

/// SAM from its own checkpoint, or with the LoRA and the decoder of another file merged into it.
///
/// Errors: files that are not these, or do not belong together.
public func adaptedSAM(weights: String, adapters: String?) throws -> SAM {
  let file = try SAMFile(checkpoint: weights)
  var plan = file.plan, rank = 1
  if let adapters {
    let found = try WeightFile(adapters)
    plan.masks = found["mask_decoder.mask_tokens.weight"]?.shape.first ?? plan.masks
    rank = found["w_a_000"]?.shape.first ?? rank
  }
  let sam = AdaptedSAM(plan, frozen: try file.frozenParameters(plan).parameters, rank: rank, seed: 0)
  try file.loadDecoder(into: sam, reusesMasks: false)
  if let adapters { _ = try AdapterFile.load(adapters, into: sam, base: file.weights) }
  return sam.merged()
}
