// LoRA and decoder of a fine-tuned SAM in a file, under SAMed's names (hitachinsk/SAMed, sam_lora_image_encoder.py): `w_a_000`, `w_b_000` ...,
// and the decoder's arrays under their own. Without the SAM that they were trained on they mean nothing: our files name it by its fingerprint.

import Files
import Learning
import Networks
import Tensors
import Weights

package enum AdapterFile {
  private static let baseKey = "sam", commandKey = "command", command = "cohort train"
  private static let firstAdapter = "w_a_000", maskTokens = "mask_decoder.mask_tokens.weight"

  /// Loads a file into a network of the same rank, classes and size.
  /// - Parameter base: the fingerprint of the SAM under it.
  /// - Returns: the lines of the load report.
  package static func load(
    _ path: String, into sam: AdaptedSAM, base: UInt64, called names: SAMFileNames = .keys
  ) throws(TrainingError) -> String {
    do {
      let file = try adapters(path)
      try requireSize(of: file, sam.plan, names)
      if let named = Self.base(of: path), named != hexadecimal(base) {
        throw TrainingError(
          "\(path) was trained on another SAM (\(named)) than \(names.checkpoint) names (\(hexadecimal(base))): name that one.")
      }
      return try file.load(
        into: [sam.trained],
        allowing: LoadAllowance(unexpected: {
          $0.hasPrefix("prompt_encoder.") || $0.hasPrefix("mask_decoder.iou_prediction_head.")
        })
      ).description
    } catch { throw TrainingError("\(names.adapters): \(error)") }
  }

  /// Writes what was trained, and the arrays beside it that belong to SAMed's format.
  package static func write(_ sam: AdaptedSAM, base: UInt64, title: String, to path: String) throws {
    try Safetensors.write(
      sam.adapterState, metadata: [baseKey: hexadecimal(base), "title": title, commandKey: command], to: path)
  }

  /// R of a file's LoRA and K of its decoder.
  static func sizes(_ path: String, called names: SAMFileNames) throws(TrainingError) -> (rank: Int, classes: Int) {
    do {
      let file = try adapters(path)
      guard let rank = file[firstAdapter]?.shape.first, let classes = file[maskTokens]?.shape.first, rank > 0, classes > 1 else {
        throw TrainingError("\(path) holds no decoder for two classes or more: name a file that SAMed or a run wrote.")
      }
      return (rank, classes)
    } catch { throw TrainingError("\(names.adapters): \(error)") }
  }

  /// Refuses LoRA for an encoder of another size.
  private static func requireSize(of file: WeightFile, _ plan: SAMPlan, _ names: SAMFileNames) throws(TrainingError) {
    let blocks = file.entries.count { $0.name.hasPrefix("w_a_") } / 2, channels = file[firstAdapter]?.shape.last ?? 0
    guard (blocks, channels) != (plan.depth, plan.embedding) else { return }
    throw TrainingError(
      "\(file.path) belongs to a SAM of \(blocks) blocks with \(channels) channels, and \(names.checkpoint) is one of \(plan.depth) with "
        + "\(plan.embedding): name the SAM that it was trained on.")
  }

  /// The fingerprint of the SAM that a file was trained on; nil where it does not tell.
  static func base(of path: String) -> String? { (try? Safetensors.metadata(path))?[baseKey] }

  /// Opens a file that holds LoRA.
  private static func adapters(_ path: String) throws -> WeightFile {
    let file = try WeightFile(path)
    guard file[firstAdapter] != nil else {
      throw TrainingError("\(path) holds no LoRA (\(firstAdapter)): name a file that SAMed or an earlier run wrote.")
    }
    return file
  }

  private static func hexadecimal(_ hash: UInt64) -> String { String(hash, radix: 16) }
}

extension AdaptedSAM {
  /// All arrays of SAMed's format: LoRA, prompts and decoder.
  fileprivate var adapterState: [String: StoredTensor] {
    let beside = SAM.specification(plan).map(\.name).filter {
      ($0.hasPrefix("prompt_encoder.") || $0.hasPrefix("mask_decoder.")) && !Self.isTrained($0) && network.parameters.contains($0)
    }
    return beside.reduce(into: trained.stateDict) { $0[$1] = StoredTensor(network.parameters[$1]) }
  }
}

extension StoredTensor {
  /// A parameter's values.
  init(_ parameter: Parameter) { self.init(shape: parameter.shape.sizes, values: parameter.value.values) }
}
