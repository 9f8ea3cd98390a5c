// The layouts of public data sets, as data: how their files are called, what channels and labels mean, which values labels have, how arrays lie, which
// cases are for tests. `LayoutScan` finds the cases of any of them.

import Volumes

/// What a file is of its case.
enum FilePart: Hashable {
  case channel(Int)
  case label
}

/// How the names of files tell cases and parts.
enum FileNaming {
  /// A folder for each case. The word behind the last _ or - of a name says what the file is, in any case.
  case caseFolders([String: FilePart])
  /// A word that says what the file is, then the number of the case: img0001, label0001.
  case prefixes([String: FilePart])
  /// Images end in _0000 and so on by channel, labels have the name of the case alone.
  case numbered
}

/// A layout that an import knows.
public struct ImportLayout: Sendable {
  public let name: String
  /// What it is, for people.
  public let title: String
  /// Files of a case, for people whose folder has none.
  public let example: String
  let channelNames: [String]
  /// Begins with the background.
  let classNames: [String]
  var regions: [LabelRegion]?
  let naming: FileNaming
  /// What the values of label files become; others are refused. Arrays have been made by programs that did this.
  let values: [UInt8: UInt8]
  /// nil where no arrays are known.
  var arrays: ArrayGeometry?
  var split = KnownSplit.none
}

extension ImportLayout {
  /// The 2018 Atrial Segmentation Challenge, as UA-MT and many after it keep it, or as it was published.
  public static let la = ImportLayout(
    name: "la", title: "LA, the 2018 atrial challenge: h5 files of UA-MT with train.list and test.list, or the challenge's NRRD.",
    example: "06SR5RBREL16DQ6M8LWS/mri_norm2.h5, or lgemri.nrrd and laendo.nrrd in such folders", channelNames: ["MRI"],
    classNames: ["background", "left atrium"], naming: .caseFolders(["lgemri": .channel(0), "laendo": .label]),
    values: [1: 1, 255: 1], arrays: .xyz(Spacing(0.625, 0.625, 0.625)))

  /// BraTS with the labels 0, 1, 2, 4 (to 2020) or 0, 1, 2, 3 (from 2023).
  public static let brats = ImportLayout(
    name: "brats", title: "BraTS 2018 to 2023: brain tumours in T1, T1 with contrast, T2 and FLAIR.",
    example:
      "BraTS19_X_1/BraTS19_X_1_t1.nii.gz, _t1ce, _t2, _flair and _seg, or BraTS-GLI-00000-000/BraTS-GLI-00000-000-t1n.nii.gz, -t1c, -t2w, -t2f and -seg",
    channelNames: ["T1", "T1 with contrast", "T2", "FLAIR"],
    classNames: ["background", "necrotic core", "oedema", "enhancing tumour"],
    naming: .caseFolders([
      "t1": .channel(0), "t1n": .channel(0), "t1ce": .channel(1), "t1c": .channel(1), "t2": .channel(2), "t2w": .channel(2),
      "flair": .channel(3), "t2f": .channel(3), "seg": .label, "segm": .label,
    ]), values: [1: 1, 2: 2, 3: 3, 4: 3])

  /// The regions that BraTS scores, painted one over the other.
  public static let bratsRegions = {
    var layout = brats
    layout.regions = [
      LabelRegion(name: "whole tumour", labels: [2, 1, 3]), LabelRegion(name: "tumour core", labels: [1, 3]),
      LabelRegion(name: "enhancing tumour", labels: [3]),
    ]
    return layout
  }()

  /// Beyond the Cranial Vault. The split is MagicNet's, in its order.
  public static let btcv = ImportLayout(
    name: "btcv", title: "BTCV: 13 organs in abdominal CT; MagicNet's split.",
    example: "img0001.nii.gz and label0001.nii.gz in any folders, or 0001.h5", channelNames: ["CT"],
    classNames: [
      "background", "spleen", "right kidney", "left kidney", "gallbladder", "oesophagus", "liver", "stomach", "aorta",
      "inferior vena cava", "portal and splenic veins", "pancreas", "right adrenal gland", "left adrenal gland",
    ], naming: .prefixes(["img": .channel(0), "label": .label]),
    values: Dictionary(uniqueKeysWithValues: (1...13).map { ($0, $0) }), arrays: .xyz(Spacing(2, 1.5, 1.5)),
    split: .named(
      training: fourDigits([6, 39, 21, 5, 7, 31, 40, 27, 24, 37, 26, 10, 9, 23, 28, 30, 34, 33]),
      test: fourDigits([8, 22, 38, 36, 32, 2, 29, 3, 1, 4, 25, 35])))

  /// Multi-organ abdominal CT of Pancreas-CT and BTCV (zenodo 1169361). No split was published: 70 and 20 of the numbers 1 to 90, drawn once.
  public static let mact = ImportLayout(
    name: "mact", title: "MACT: 8 organs in abdominal CT of Pancreas-CT and BTCV; 70 cases for training, 20 for tests.",
    example: "img0001.nii.gz and label0001.nii.gz in any folders, or 0001.h5", channelNames: ["CT"],
    classNames: [
      "background", "spleen", "left kidney", "gallbladder", "oesophagus", "liver", "stomach", "pancreas", "duodenum",
    ], naming: .prefixes(["img": .channel(0), "image": .channel(0), "label": .label]),
    values: [1: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 11: 7, 14: 8], arrays: .xyz(Spacing(2, 1.5, 1.5)), split: mactSplit)

  /// AbdomenCT-1K. No split was published: the last tenth by name is for tests.
  public static let abdomenCT1K = ImportLayout(
    name: "abdomenct1k", title: "AbdomenCT-1K: liver, kidneys, spleen and pancreas in CT; the last tenth by name for tests.",
    example: "Case_00001_0000.nii.gz and Case_00001.nii.gz in any folders", channelNames: ["CT"],
    classNames: ["background", "liver", "kidney", "spleen", "pancreas"], naming: .numbered,
    values: [1: 1, 2: 2, 3: 3, 4: 4], split: .lastTenth)

  private static let mactSplit = {
    let order = legacyPermutation(of: 90, seed: 1337).map { $0 + 1 }
    return KnownSplit.named(training: fourDigits(Array(order[..<70])), test: fourDigits(Array(order[70...])))
  }()
}

/// Numbers as BTCV's files have them.
private func fourDigits(_ numbers: [Int]) -> [String] {
  numbers.map { number in String(repeating: "0", count: 4 - String(number).count) + String(number) }
}
