// Every key of a run file: name, type, default, allowed values and explanation. The table is the documentation (`cohort recipes
// keys`), the checker and the list of what may change between a run and its continuation. A new key is a line here, and its name in
// `list`.

import Cluster
import Kernels
import Learning
import Methods
import Networks
import Preparation
import Settings
import Tensors
import Volumes

/// The table of a run file's keys. `method.*` and `network.*` take the options of the method and the network as further keys.
public struct RunKeys: Sendable {
  static let table = RunKeys()
  /// All keys, in the order of documentation.
  public static let all: [any SettingDescription] = table.list

  // MARK: What is trained, on what

  public let data = Setting(
    "data", default: "", .anyText, changesResults: false, "Folder that `cohort prepare` wrote; work: train needs one.")
  public let output = Setting(
    required: "output", .text, changesResults: false,
    "Run folder for checkpoints, metrics, events and logs; the same folder continues the run.")
  public let stages = Setting(
    "stages", default: [], .texts,
    "Stages of the run, one after the other, each `{name: NAME, ...}` with the keys that differ from those outside; a stage goes on with the "
      + "networks of the one before. Without any, the run is one stage. A list of names on the command line takes these alone.")
  public let work = Setting(
    "work", default: MethodWork.name, among: workCatalog.map { $0.name },
    "What a stage does. " + workCatalog.map { "\($0.name): \($0.summary)" }.joined(separator: "; ") + ".")
  public let start = Setting(
    "start", default: StageStart.previous,
    "Weights at the first step of a stage: previous takes tensors of the same name and shape from the stage before, fresh draws new ones."
  )
  public let labelled = Setting(
    "labelled", default: LabelledChoice.all, .labelledChoice,
    "Labelled cases to train on, for studies of how many labels are enough: a number takes the first by name, a list those named; the others "
      + "count as unlabelled. 0 takes all.")
  public let labelledCount = Setting(
    "labelled.count", default: 0, in: 0...1_000_000,
    "So many labelled cases, drawn by labelled.seed, for studies of which cases are labelled. 0 leaves the choice to `labelled`.")
  public let labelledSeed = Setting(
    "labelled.seed", default: 0, in: 0...UInt64(Int.max), "Seed by which labelled.count cases are drawn.")
  public let methodName = Setting(
    "method.name", default: "relif", among: methodCatalog.map { $0.name }, aliases: ["method"],
    "Training method; its options are further keys below `method`, explained by `cohort methods NAME`.")
  public let networkName = Setting(
    "network.name", default: "unet3d", among: networkCatalog.map { $0.name }, aliases: ["network"],
    "Network to train; its options are further keys below `network`, explained by `cohort network describe --network NAME`.")
  public let networkWeights = Setting(
    "network.weights", default: "", .anyText,
    "Weights to begin with, a file of PyTorch (.pth, .model) or safetensors with the network's names; nothing for random ones.")
  public let startingArrays = Setting(
    "network.load", default: StartingArrays.body,
    "Arrays that network.weights gives: body all but the heads, which begin anew; all the heads as well.")
  public let patch = Setting(
    "patch", default: Extent(64, 64, 64), .extent,
    "Depth, height and width in voxels of the crops that the network sees; divisible by 16 for the U-Net and V-Net, by 32 for "
      + "STU-Net.")
  public let steps = Setting(
    "steps", default: 30_000, in: 1...100_000_000,
    "Optimiser steps of the run, or of each stage; a run at its end may be given more.")
  public let lanes = Setting(
    "lanes", default: 2, in: 1...65536,
    "Micro-batches in each step, spread over the ranks: at least as many as ranks. Results depend on the lanes, not on the ranks."
  )
  public let layout = Setting(
    "layout", default: RankLayout.data, changesResults: false,
    "What a rank computes: data all networks for its lanes; network, with a method of two students, one of them: two ranks share lanes and tell each "
      + "other their labels, so that a rank needs half the memory for activations, and there may be two ranks for each lane. Results are the same."
  )
  public let labelledSamples = Setting(
    "batch.labelled", default: 0, in: 0...64,
    "Labelled samples that a lane draws in each step and a method sees together; 0 takes as many as the method wants, mostly 1.")
  public let unlabelledSamples = Setting(
    "batch.unlabelled", default: 0, in: 0...64,
    "Unlabelled samples that a lane draws in each step; 0 takes as many as the method wants, mostly 1.")
  public let seed = Setting("seed", default: 1337, in: 0...UInt64(Int.max), "Every random number of the run follows from it.")
  public let pretrainingOutput = Setting(
    "pretraining.output", default: "", .anyText, changesResults: false,
    "File that work: pretrain-prior or pretrain-sam writes (safetensors); nothing for prior.safetensors in the run folder.")

  // MARK: Optimisation, of every trained module or of one: `modules: {NAME: {optimizer: ..., schedule: ...}}`

  public let optimizerName = Setting(
    "optimizer.name", default: StochasticGradientDescent.name, among: optimizerCatalog.map { $0.name }, aliases: ["optimizer"],
    "Optimiser. " + optimizerCatalog.map { "\($0.name): \($0.summary)" }.joined(separator: "; ") + ".")
  public let learningRate = Setting<Double?>(
    "optimizer.learningRate", default: nil, .optional(.number(in: 1e-12...1000)), aliases: ["optimizer.rate"],
    "Learning rate at its highest: at the first step, or at the end of the warm-up. Nothing takes "
      + optimizerCatalog.map { "\($0.usualLearningRate) with \($0.name)" }.joined(separator: ", ") + ".")
  public let momentum = Setting("optimizer.momentum", default: 0.9, in: 0...0.9999, "Momentum of SGD.")
  public let nesterov = Setting("optimizer.nesterov", default: false, .flag, "Nesterov's form of SGD's momentum.")
  public let weightDecay = Setting(
    "optimizer.weightDecay", default: 0.0001, in: 0...10,
    "Weight decay: coupled with the gradient in SGD, decoupled from it in AdamW.")
  public let beta1 = Setting("optimizer.beta1", default: 0.9, in: 0...0.9999, "Decay of AdamW's running mean of gradients.")
  public let beta2 = Setting(
    "optimizer.beta2", default: 0.999, in: 0...0.999999, "Decay of AdamW's running mean of squared gradients.")
  public let epsilon = Setting("optimizer.epsilon", default: 1e-8, in: 0...1, "What AdamW adds to the root of the mean square.")
  public let clipNorm = Setting(
    "optimizer.clipNorm", default: 0.0, in: 0...1e9,
    "Largest norm of a module's averaged gradient, which is scaled down to it; 0 sets no limit.")
  public let scheduleName = Setting(
    "schedule.name", default: "polynomial", among: scheduleCatalog.map { $0.name }, aliases: ["schedule"],
    "Learning rate over the steps. " + scheduleCatalog.map { "\($0.name): \($0.summary)" }.joined(separator: "; ") + ".")
  public let decayPower = Setting(
    "schedule.power", default: 0.9, in: 0...10, aliases: ["optimizer.power"],
    "Exponent of the polynomial decay to zero: step t of T has the learning rate times (1 - t/T)^power.")
  public let stepSize = Setting(
    "schedule.stepSize", default: 2500, in: 1...100_000_000, "Steps between two drops of the step schedule.")
  public let gamma = Setting("schedule.gamma", default: 0.1, in: 0...1, "Factor of each drop of the step schedule.")
  public let minimum = Setting("schedule.minimum", default: 0.0, in: 0...1000, "Learning rate at the end of the cosine schedule.")
  public let epochSteps = Setting(
    "schedule.epochSteps", default: 1, in: 1...100_000_000,
    "Steps in which the learning rate stays as it is at the first of them; nnU-Net: 250, of 1000 such epochs.")
  public let warmUp = Setting(
    "schedule.warmUp", default: 0, in: 0...100_000_000,
    "Steps in which the learning rate rises linearly before the schedule begins.")

  public let foregroundShare = Setting(
    "sampling.foreground", default: 0.33, in: 0...1, "Share of the labelled crops that are around a foreground voxel.")
  public let placement = Setting(
    "sampling.kind", default: PatchPlacement.inside,
    "Where crops lie: inside the volume, a share of them, drawn one by one, around a foreground voxel; nnunet as nnU-Net, beyond the volume by half of "
      + "what augmentation needs around a crop, cases drawn each time from all, and the last crops of all lanes around a foreground voxel."
  )
  public let unlabelledSampling = Setting(
    "sampling.unlabelled", default: UnlabelledSampling.cases,
    "How often unlabelled cases are drawn: cases each equally often, phases each phase of the manifest equally often, of a phase each vendor."
  )
  public let augmentationKind = Setting(
    "augmentation.kind", default: PatchAugmentation.Kind.none,
    "Random changes of crops: flip mirrors each of the axes with probability one half; rotateFlip turns by quarter turns about "
      + "the depth axis and mirrors one of the axes; nnunet turns, scales, blurs and changes intensities as nnU-Net, then mirrors as flip."
  )
  public let flipAxes = Setting(
    "augmentation.axes", default: [], .flipAxes,
    "Axes that may be mirrored. W is left-right: leave it out where left and right are different classes.")
  public let augmentationFamilies = Setting(
    "augmentation.families", default: .all, .augmentationFamilies,
    "What augmentation.kind: nnunet does before it mirrors: spatial turns and scales, noise adds noise, blurs and lowers the resolution, contrast "
      + "changes brightness, contrast and gamma.")
  public let biasField = Setting(
    "augmentation.bias", default: "none", among: ["none"] + SOBFPreset.allCases.map(\.rawValue),
    "Bias fields that are put over every crop, labelled or not, before a method sees it, as `method.sobf` of relif explains them; none leaves crops "
      + "as they are.")
  public let contrastProbability = Setting(
    "augmentation.randomContrast", default: 0.0, in: 0...1,
    "Probability with which a labelled crop gets a random contrast, by a curve of its intensities that rises and falls, as if another sequence or phase "
      + "had been taken: for unlabelled volumes of other contrasts than the labelled ones.")

  // MARK: The frozen prior

  public let priorKind = Setting(
    "prior.kind", default: "sam-med3d", among: ["none"] + priorCatalog.map(\.name),
    "Frozen prior that guides the methods that ask one; none leaves it out. "
      + priorCatalog.map { "\($0.name): \($0.summary)" }.joined(separator: "; ") + ".")
  public let priorCheckpoint = Setting(
    "prior.checkpoint", default: "demo", .text,
    "Weights of the prior's network: the path of SAM-Med3D's (.pth or safetensors), or demo, the small prior that comes with "
      + "Cohort.")
  public let priorFrame = Setting(
    "prior.frame", default: PriorFrame.canonical,
    "What the prior sees: canonical is the whole volume at the prior's own spacing, encoded once; crop the crop itself, encoded "
      + "at every step (published).")
  public let priorPrompt = Setting(
    "prior.prompt", default: PromptSource.studentMask,
    "How the prior is asked about a class of an unlabelled crop: by the student's mask, by clicks into it (with uncertainty: "
      + "studentClicksUnc), by tokens like the labelled ones (prototype), by the student's mask with the mean label (atlas), by "
      + "a click into the brightest part (intensity) or the middle (centre), or by nothing.")
  public let promptClip = Setting(
    "prior.promptClip", default: 0, in: 0...50,
    "Largest logit of a mask prompt; 0 takes the best of 4, 8 and 12 on crops of the labelled volumes.")
  public let priorNoise = Setting(
    "prior.noise", default: 0.0, in: 0...1,
    "Standard deviation of the noise on crops that the prior sees (published: 0.1); of the oracle, how wrong it is.")

  // MARK: How it runs

  public let reduction = Setting(
    "reduction", default: ExactAverager.name, among: averagerCatalog.map { $0.name },
    "Average of the gradients: exact gives the same bits on any number of ranks, fast sums in single precision.")
  public let validationEvery = Setting(
    "validation.every", default: 0, in: 0...100_000_000, changesResults: false,
    "Steps between validations; 0 validates at the end only.")
  public let validationCases = Setting(
    "validation.cases", default: [], .texts,
    "Labelled cases that are kept out of training for validation; the best checkpoint on them is kept. Without any, the training "
      + "volumes are scored.")
  public let validationFold = Setting<Int?>(
    "validation.fold", default: nil, .optional(.integer(in: 0...1000)),
    "Fold of splits_final.json beside the packs, from 0, whose cases are kept out of training in place of validation.cases; nothing for none."
  )
  public let windowOverlap = Setting(
    "window.overlap", default: 0.5, in: 0...0.95, changesResults: false,
    "Share of a patch by which the sliding windows of validation overlap.")
  public let windowWeighting = Setting(
    "window.weighting", default: WindowWeighting.gaussian, changesResults: false,
    "Weights of the voxels of a sliding window: gaussian around its middle, or uniform.")
  public let checkpointEvery = Setting(
    "checkpoint.every", default: 500, in: 0...100_000_000, changesResults: false,
    "Steps between checkpoints; 0 does not go by steps. One is always saved at the end.")
  public let checkpointSeconds = Setting(
    "checkpoint.seconds", default: 0.0, in: 0...1e9, changesResults: false,
    "Seconds after which a checkpoint is saved at the latest; 0 does not go by time.")
  public let checkpointOverhead = Setting(
    "checkpoint.overhead", default: 0.0, in: 0...0.5, changesResults: false,
    "Largest share of the time that saving may take, for example 0.02: intervals grow to keep below it. 0 sets no limit.")
  public let checkpointKeep = Setting(
    "checkpoint.keep", default: 3, in: 1...1000, changesResults: false, "Newest checkpoints that are kept, besides the best.")
  public let checkpointKeepEvery = Setting(
    "checkpoint.keepEvery", default: 0, in: 0...100_000_000, changesResults: false,
    "Checkpoints of multiples of so many steps are kept for good; 0 keeps none.")
  public let checkpointBackend = Setting(
    "checkpoint.backend", default: CheckpointBackend.auto, changesResults: false,
    "Who writes checkpoints: parallel lets all ranks write into one file, gather rank 0 alone; auto takes gather on NFS and for "
      + "small ones.")
  public let replicaCheckEvery = Setting(
    "replicaCheck.every", default: 50, in: 0...100_000_000, changesResults: false,
    "Steps between comparisons of the ranks' states; a rank that has drifted away is named and ends the run. 0 never compares.")
  public let watchDeadline = Setting(
    "watch.deadline", default: 60, in: 1...86400, changesResults: false,
    "Seconds after which an operation of a rank counts as hanging; ten times as many for the first of its kind and for long "
      + "ones.")
  public let tracedSteps = Setting<ClosedRange<Int>?>(
    "trace.steps", default: nil, .stepRange, changesResults: false,
    "First and last step of a trace of all ranks, which `cohort trace merge` puts together; [] makes no trace.")
  public let memory = Setting(
    "memory", default: TapeMemory.standard, changesResults: false,
    "What is kept for the backward pass: standard keeps everything; lean computes parts of the network twice instead, about 0.6 "
      + "of the memory for a third more time, with the same bits.")
  public let threads = Setting(
    "threads", default: 0, in: 0...Threads.most, changesResults: false,
    "Threads of each rank; 0 takes OMP_NUM_THREADS, or shares the machine's processors out.")

  private var list: [any SettingDescription] {
    [
      data, output, stages, work, start, labelled, labelledCount, labelledSeed, methodName, networkName, networkWeights,
      startingArrays, patch, steps, lanes, layout,
      labelledSamples, unlabelledSamples, seed,
    ] + optimisation + [
      foregroundShare, placement, unlabelledSampling, augmentationKind, flipAxes, augmentationFamilies, biasField,
      contrastProbability, priorKind, priorCheckpoint, priorFrame,
      priorPrompt, promptClip, priorNoise,
      pretrainingOutput, reduction, validationEvery, validationCases, validationFold, windowOverlap, windowWeighting,
      checkpointEvery,
      checkpointSeconds, checkpointOverhead, checkpointKeep, checkpointKeepEvery, checkpointBackend, replicaCheckEvery,
      watchDeadline, tracedSteps, memory, threads,
    ] + ValidationKeys.all + SFRKeys.all + ConfidenceKeys.all + RegistrationKeys.all
  }

  /// The keys that a module may have of its own.
  var optimisation: [any SettingDescription] {
    [
      optimizerName, learningRate, momentum, nesterov, weightDecay, beta1, beta2, epsilon, clipNorm, scheduleName, decayPower,
      stepSize,
      gamma, minimum, epochSteps, warmUp,
    ]
  }

  /// The names of keys that all stages share.
  var ofWholeRun: Set<String> {
    let shared: [any SettingDescription] = [
      output, stages, lanes, seed, checkpointEvery, checkpointSeconds, checkpointOverhead, checkpointKeep, checkpointKeepEvery,
      checkpointBackend, replicaCheckEvery, watchDeadline, tracedSteps, threads,
    ]
    return Set(shared.map { $0.name })
  }
}

/// Where the weights of a stage come from.
public enum StageStart: String, Sendable, CaseIterable { case previous, fresh }
