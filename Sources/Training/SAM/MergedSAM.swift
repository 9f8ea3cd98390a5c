// A fine-tuned SAM as one network or one file, for whoever deploys it: LoRA is added to the projections, and the decoder is the fine-tuned one
// (hitachinsk/SAMed, sam_lora_image_encoder.py).

import Learning
import Networks
import Weights

/// SAM from its own checkpoint, with the LoRA and the decoder of `adapters` merged into it where they are given.
///
/// Errors: files that are not these, or do not belong together.
public func mergedSAM(base: String, adapters: String?) throws -> SAM {
  try adaptedSAM(base: base, adapters: adapters, called: SAMFileNames(checkpoint: "--weights", adapters: "--adapters")).sam
    .merged()
}

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
  let command = "cohort weights merge", names = SAMFileNames(checkpoint: "--base", adapters: "--adapters")
  try Safetensors.checkOutput(path, reading: [base, adapters], command: command)
  // Files of SAMed do not tell which SAM they belong to; merged twice, they would be wrong without a word.
  if (try? Safetensors.metadata(base))?["command"] == command, AdapterFile.base(of: adapters) == nil {
    throw TrainingError("--base: \(base) has LoRA merged already: name the SAM that \(adapters) was trained on.")
  }
  let (file, sam) = try adaptedSAM(base: base, adapters: adapters, called: names), plan = sam.plan
  let merged = sam.merged().parameters,
    first = ParameterSet(SAM.specification(plan).filter { !merged.contains($0.name) }, seed: 0)
  let state = SAM.specification(plan).map(\.name).map { ($0, StoredTensor(merged.contains($0) ? merged[$0] : first[$0])) }
  try Safetensors.write(
    Dictionary(uniqueKeysWithValues: state),
    metadata: ["title": file.title, "command": command, "sam": String(file.weights, radix: 16)], to: path)
  return "\(state.count) arrays written to \(path): \(file.title) for \(plan.masks) classes with LoRA merged"
}

private func adaptedSAM(
  base: String, adapters: String?, called names: SAMFileNames
) throws -> (file: SAMFile, sam: AdaptedSAM) {
  let file = try SAMFile(checkpoint: base, called: names)
  var plan = file.plan, rank = 1
  if let adapters { (rank, plan.masks) = try AdapterFile.sizes(adapters, called: names) }
  let sam = AdaptedSAM(plan, frozen: try file.frozenParameters(plan).parameters, rank: rank, seed: 0)
  if let adapters {
    _ = try AdapterFile.load(adapters, into: sam, base: file.weights, called: names)
  } else {
    try file.loadDecoder(into: sam, reusesMasks: false)
  }
  return (file, sam)
}
