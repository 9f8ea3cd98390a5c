// Keys of a run file about SAM, the canvases that it sees, its fine-tuning and its pseudo-labels (SFR: Li et al., arXiv:2403.11229).

import Preparation
import Settings
import Tensors
import Volumes

/// What SAM learns from a slice besides its own intensities.
public enum SliceRemap: String, Sendable, CaseIterable {
  /// Half of the slices go through a random curve on [0, 1], to which z-scores are clamped (published).
  case published
  /// Each slice is scaled to [0, 1] before, and the canvas to z-scores behind.
  case rescaled
  case none
}

/// Where the labels of unlabelled volumes come from in a stage that trains a student.
public enum PseudoLabelKind: String, Sendable, CaseIterable {
  case none
  /// From the file of whole volumes that the stage before made.
  case bank
  /// Labelled volumes are registered with each unlabelled one, to which their labels are carried.
  case registration
  /// SAM labels each crop when it is drawn (published).
  case online
}

/// The weight of the pseudo-label term over a stage.
public enum PseudoLabelSchedule: String, Sendable, CaseIterable { case constant, linearDecay, rampUp }

public enum SFRKeys {
  static let checkpoint = Setting(
    "sam.checkpoint", default: "demo", .text,
    "Weights of SAM: the path of SAM's own checkpoint (.pth or safetensors), or demo, the small SAM that comes with Cohort.")
  static let adapters = Setting(
    "sam.adapters", default: "none", .text,
    "LoRA and decoder to start with, a file as SAMed or an earlier run wrote it, or none for fresh ones.")
  static let canvas = Setting(
    "sam.canvas", default: 0, in: 0...4096, "Pixels along each side of the canvas; 0 takes those of the checkpoint (SAM: 1024).")
  static let rank = Setting("sam.rank", default: 4, in: 1...256, "Rank of LoRA on the queries and values of each block.")
  static let reusesMasks = Setting(
    "sam.reuseMasks", default: false, .flag,
    "Begin with SAM's own mask tokens as far as they go, rather than with fresh ones for the classes.")
  static let patch = Setting(
    "stitch.patch", default: Extent?.none, .optionalExtent,
    "Depth, height and width of the crops whose slices lie on a canvas; [] takes `patch`, the student's, or 96 each for stitch.geometry: "
      + "uniform.")
  static let geometry = Setting(
    "stitch.geometry", default: StitchGeometry.released,
    "Layout of slices on the canvas: released as the published program does; uniform the same with crops of 96x96x96 for every data set and "
      + "volumes of fewer slices interpolated to as many, where the others pad them with zeros; paper as the paper says; scale stitch.tiles x "
      + "stitch.tiles slices at another resolution.")
  static let tiles = Setting(
    "stitch.tiles", default: 0, in: 0...64, "Slices along each side of the canvas, of stitch.geometry: scale.")
  static let remap = Setting(
    "fineTune.remap", default: SliceRemap.published,
    "Change of intensities in fine-tuning: published clamps half of the slices to [0, 1] and bends them, rescaled keeps their range, none."
  )
  static let turnsCanvas = Setting(
    "fineTune.turnCanvas", default: true, .flag, "Turn and mirror whole canvases at random in fine-tuning.")
  static let flipProbability = Setting(
    "fineTune.flipProbability", default: 1.0, in: 0...1,
    "Probability with which a turned volume is mirrored as well: 1 as published, which never shows a volume as it is; 0.5 shows all."
  )
  static let turnsVolume = Setting(
    "fineTune.turnVolume", default: false, .flag,
    "Turn and mirror volumes in the slice plane in fine-tuning (published for LA and BraTS).")
  static let leavesOutGaps = Setting(
    "fineTune.leaveOutGaps", default: false, .flag,
    "Leave the gaps between slices out of Dice in fine-tuning; false keeps their probabilities in its denominators (published).")
  static let pseudoLabels = Setting(
    "pseudoLabels.kind", default: PseudoLabelKind.none, aliases: ["pseudoLabels"],
    "Labels of unlabelled crops for work: train: bank takes those of the stage pseudo-label, registration carries those of the labelled "
      + "volumes over once, before the first step, online asks SAM for each crop, none."
  )
  static let pseudoLabelWeight = Setting(
    "pseudoLabels.weight", default: 1.0, in: 0...1000, "Weight of half Dice and half cross entropy against pseudo-labels.")
  static let pseudoLabelSchedule = Setting(
    "pseudoLabels.schedule", default: PseudoLabelSchedule.constant,
    "Their weight over the steps: constant, linearDecay to 0, rampUp as exp(-5 (1 - t/T)^2).")
  static let pseudoLabelCertainty = Setting(
    "pseudoLabels.leastCertainty", default: 0.0, in: 0...1,
    "Voxels of whose pseudo-label bank or registration is less certain than this teach nothing; 0 takes all.")
  static let pseudoLabelAgreement = Setting(
    "pseudoLabels.leastAgreement", default: 0.0, in: 0...1,
    "Crops whose pseudo-labels agree less than this with the student's own labels, as Dice of all foreground, teach nothing; 0 takes all (published)."
  )

  static let all: [any SettingDescription] = [
    checkpoint, adapters, canvas, rank, reusesMasks, patch, geometry, tiles, remap, turnsCanvas, turnsVolume, flipProbability,
    leavesOutGaps,
    pseudoLabels, pseudoLabelWeight, pseudoLabelSchedule, pseudoLabelCertainty, pseudoLabelAgreement,
  ]
}

extension RunConfiguration {
  /// The crops that SAM sees.
  var stitchedPatch: Extent {
    let side = Stitching.uniformSide
    return self[SFRKeys.patch] ?? (self[SFRKeys.geometry] == .uniform ? Extent(side, side, side) : self.patch)
  }

  /// The key that their size comes from.
  var stitchedPatchKey: String { stitchedPatch == self.patch && self[SFRKeys.patch] == nil ? "patch" : "stitch.patch" }

  /// Refuses a work that shows SAM the student's own crops where SAM takes others.
  func requireStudentsCrops(for work: String, instead: String) throws(TrainingError) {
    guard stitchedPatch == self.patch else {
      throw TrainingError(
        "\(work) shows SAM the student's crops: patch is \(self.patch) and stitch.patch \(stitchedPatch); make them alike, or take \(instead)."
      )
    }
    guard self[SFRKeys.geometry] != .uniform else {
      throw TrainingError(
        "\(work) shows SAM the student's crops, which are not interpolated: set stitch.geometry: released, or take \(instead).")
    }
  }
}

extension SettingFormat where Value == Extent? {
  /// [D, H, W], or [] for none.
  fileprivate static var optionalExtent: Self {
    let format = SettingFormat<Extent>.extent
    return Self(
      format.allowed + ", or []", read: { $0 == "[]" ? .some(nil) : format.read($0).map { .some($0) } },
      write: { $0.map { format.write($0) } ?? "[]" })
  }
}
