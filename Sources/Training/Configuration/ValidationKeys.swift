// Keys of a run file about how a training is followed between its beginning and its end, as nnU-Net does.

import Settings

public enum ValidationKeys {
  static let patches = Setting(
    "validation.patches", default: 0, in: 0...1_000_000, changesResults: false,
    "Score so many patches of the validation cases, all voxels together, in place of whole volumes: cheap enough to do often (nnU-Net: 50). 0 scores volumes."
  )
  static let smoothing = Setting(
    "validation.smoothing", default: 0.0, in: 0...0.999, changesResults: false,
    "Share of the earlier scores in the moving mean by which the best checkpoint is chosen (nnU-Net: 0.9); 0 goes by each validation alone."
  )

  static let estimated = Setting(
    "validation.estimated", default: 0, in: 0...10_000, changesResults: false,
    "Unlabelled volumes whose Dice is estimated, as `cohort predict --quality` does, to choose the best checkpoint where no labelled volume can be held out."
  )

  static let all: [any SettingDescription] = [patches, smoothing, estimated]
}
