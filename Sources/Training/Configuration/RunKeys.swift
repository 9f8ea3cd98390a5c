// Every key of a run file: name, type, default and meaning. The table is the documentation, the checker and the list of what may change
// between a run and its continuation.

import Cluster
import Methods

/// One key of a run file.
public struct RunKey: Sendable {
  public enum Kind: Sendable {
    case text
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case choice([String])
    /// Exactly so many positive whole numbers.
    case integers(Int)
    case texts
    /// Nothing, or the first and the last of a run of positive whole numbers.
    case range
  }
  public let name: String
  public let kind: Kind
  /// As written in YAML; nil for keys that every run file must have.
  public let standard: String?
  public let meaning: String
  /// Whether another value gives another result: such keys must not change when a run continues.
  public let changesResults: Bool

  init(_ name: String, _ kind: Kind, _ standard: String?, _ meaning: String, changesResults: Bool = true) {
    self.name = name
    self.kind = kind
    self.standard = standard
    self.meaning = meaning
    self.changesResults = changesResults
  }
}

/// All keys, in the order of documentation. `method.*` and `network.*` take the options of the method and network as further keys.
public let runKeys: [RunKey] = [
  RunKey("data", .text, nil, "folder that `cohort prepare` wrote", changesResults: false),
  RunKey("output", .text, nil, "run folder: checkpoints, metrics.jsonl, logs", changesResults: false),
  RunKey(
    "labelled", .integer(0...1_000_000), "0",
    "labelled cases to train on, the first by name; the others count as unlabelled, for studies of how many labels are enough; 0: all"
  ),
  RunKey("method.name", .text, "relif", "semi-supervised method (`cohort methods`)"),
  RunKey("network.name", .text, "unet3d", "student network (`cohort network list`)"),
  RunKey("patch", .integers(3), "[64, 64, 64]", "crop that the network sees: depth, height, width in voxels"),
  RunKey("steps", .integer(1...100_000_000), "30000", "optimiser steps of the whole run"),
  RunKey(
    "lanes", .integer(1...65536), "2", "micro-batches in each step, spread over the ranks; results do not depend on the ranks"),
  RunKey("seed", .integer(0...Int.max), "1337", "all random numbers of the run are a function of it"),
  RunKey("optimizer.rate", .number(1e-12...1000), "0.01", "learning rate at the first step"),
  RunKey("optimizer.power", .number(0...10), "0.9", "polynomial decay: rate (1 - t/T)^power"),
  RunKey("optimizer.momentum", .number(0...0.9999), "0.9", "momentum of SGD"),
  RunKey("optimizer.weightDecay", .number(0...10), "0.0001", "weight decay of SGD"),
  RunKey("sampling.foreground", .number(0...1), "0.33", "share of labelled crops that are centred on a foreground voxel"),
  RunKey(
    "augmentation.kind", .choice(["none", "flip", "rotateFlip"]), "none", "random flips, or quarter turns and flips, of crops"),
  RunKey(
    "augmentation.axes", .texts, "[]", "axes that may be flipped: D, H, W (W is left-right: leave it out for paired organs)"),
  RunKey(
    "prior.kind", .choice(["none", "sam-med3d", "oracle", "prototype", "atlas"]), "sam-med3d",
    "frozen prior that guides methods which listen to one: SAM-Med3D; the truth with noise (for tests); tokens like the labelled ones; "
      + "the labelled volumes' mean label"),
  RunKey(
    "prior.checkpoint", .text, "demo",
    "weights of the prior's network: a path (.pth or safetensors), or demo, the small one that comes with Cohort"),
  RunKey(
    "prior.frame", .choice(["canonical", "crop"]), "canonical",
    "the prior sees the whole volume at its own spacing, encoded once; or the crop, encoded at every step (published)"),
  RunKey("prior.prompt", .choice(PromptSource.allCases.map(\.rawValue)), "studentMask", "how the prior is asked about a class"),
  RunKey(
    "prior.promptClip", .integer(0...50), "0", "largest logit of mask prompts; 0 takes the best of 4, 8 and 12 on labelled crops"),
  RunKey(
    "prior.noise", .number(0...1), "0",
    "deviation of the noise on crops that the prior sees (published 0.1); of the oracle, how wrong it is"),
  RunKey("reduction", .choice(["exact", "fast"]), "exact", "gradient average: exact gives the same bits on any number of ranks"),
  RunKey(
    "validation.every", .integer(0...100_000_000), "0", "steps between validations; 0 validates at the end only",
    changesResults: false),
  RunKey(
    "validation.cases", .texts, "[]", "labelled cases kept out of training for validation; none: the training volumes are scored"),
  RunKey(
    "window.overlap", .number(0...0.95), "0.5", "share of a patch by which windows overlap in validation", changesResults: false),
  RunKey(
    "window.weighting", .choice(["gaussian", "uniform"]), "gaussian", "weights of a window's voxels", changesResults: false),
  RunKey(
    "checkpoint.every", .integer(0...100_000_000), "500", "steps between checkpoints; 0 saves at the end only",
    changesResults: false),
  RunKey(
    "checkpoint.seconds", .number(0...1e9), "0", "save at least so often, in seconds; 0 goes by steps alone",
    changesResults: false),
  RunKey(
    "checkpoint.overhead", .number(0...0.5), "0",
    "largest share of the time that saving may take: intervals grow to keep below it; 0 sets no limit", changesResults: false),
  RunKey("checkpoint.keep", .integer(1...1000), "3", "newest checkpoints that are kept", changesResults: false),
  RunKey(
    "checkpoint.keepEvery", .integer(0...100_000_000), "0",
    "checkpoints of multiples of so many steps are kept for good; 0: none",
    changesResults: false),
  RunKey(
    "checkpoint.backend", .choice(CheckpointBackend.allCases.map(\.rawValue)), "auto",
    "who writes: all ranks into one file, or rank 0 alone (gather); auto: gather on NFS and for small ones", changesResults: false
  ),
  RunKey(
    "replicaCheck.every", .integer(0...100_000_000), "50",
    "steps between comparisons of the ranks' states, which end the run if one has drifted away; 0 never compares",
    changesResults: false),
  RunKey(
    "watch.deadline", .integer(1...86400), "60",
    "seconds after which an operation of a rank counts as hanging, ten times as many for the first of its kind and for long ones",
    changesResults: false),
  RunKey(
    "trace.steps", .range, "[]", "first and last step of a trace of all ranks (`cohort trace merge`); none: no trace",
    changesResults: false),
  RunKey(
    "memory", .choice(["standard", "lean"]), "standard",
    "lean computes parts of the network twice instead of keeping them: less memory, more time, the same bits",
    changesResults: false),
  RunKey(
    "threads", .integer(0...4096), "0", "threads of each rank; 0 takes OMP_NUM_THREADS or shares the machine's cores out",
    changesResults: false),
]
