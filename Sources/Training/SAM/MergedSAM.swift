// A fine-tuned SAM as one file, for whoever deploys it: LoRA is added to the projections, and the decoder is the fine-tuned one
// (hitachinsk/SAMed, sam_lora_image_encoder.py).

import Learning
import Networks
import Weights

/// Writes the SAM of `base` with the LoRA and the decoder of `adapters`, under SAM's own names, whose mask tokens are the classes.
///
/// What SAM scores masks with, and nothing here asks for, has first values where the base has another number of masks.
/// - Parameters:
///   - base: SAM's own weights (.pth or safetensors), or `demo`.
///   - adapters: a file that a run of `fine-tune-sam` or SAMed wrote.
///   - path: ends in .safetensors; an earlier output of this function is replaced, any other file is not.
/// - Returns: one line about what was written.
/// Errors: files of something else; adapters of another SAM.
public func mergeAdapters(base: String, adapters: String, to path: String) throws -> String {
  let command = "cohort weights merge"
  try Safetensors.checkOutput(path, reading: [base, adapters], command: command)
  let file = try SAMFile(checkpoint: base), (rank, classes) = try AdapterFile.sizes(adapters)
  var plan = file.plan
  plan.masks = classes
  let sam = AdaptedSAM(plan, frozen: try file.frozenParameters(plan).parameters, rank: rank, seed: 0)
  _ = try AdapterFile.load(adapters, into: sam, base: file.weights)
  let merged = sam.merged().parameters,
    first = ParameterSet(SAM.specification(plan).filter { !merged.contains($0.name) }, seed: 0)
  let state = SAM.specification(plan).map(\.name).map { ($0, StoredTensor(merged.contains($0) ? merged[$0] : first[$0])) }
  try Safetensors.write(
    Dictionary(uniqueKeysWithValues: state),
    metadata: ["title": file.title, "command": command, "sam": String(file.weights, radix: 16)], to: path)
  return "\(state.count) arrays written to \(path): \(file.title) for \(classes) classes, LoRA of rank \(rank) merged"
}
