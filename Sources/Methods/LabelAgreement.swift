// How far two networks give the same labels to unlabelled crops, in all and by group of volumes (phase, contrast): what tells that a pair has drifted
// into calling everything background.

import Preparation

/// Two labellings of one crop.
package struct LabelAgreement {
  /// Dice of the voxels to which both give the same class but background; 1 where neither has any.
  package let dice: Double
  /// The share of voxels that are not background, the mean of both.
  package let foreground: Double

  /// Voxels that either gives no class (`Stitching.ignored`) do not count.
  package init(_ one: [UInt8], _ other: [UInt8]) {
    var same = 0, inOne = 0, inOther = 0
    for (a, b) in zip(one, other) where a != Stitching.ignored && b != Stitching.ignored {
      inOne += a == 0 ? 0 : 1
      inOther += b == 0 ? 0 : 1
      same += a == b && a != 0 ? 1 : 0
    }
    dice = inOne + inOther == 0 ? 1 : 2 * Double(same) / Double(inOne + inOther)
    foreground = Double(inOne + inOther) / Double(2 * max(1, one.count))
  }
}

/// Numbers to log about labelled crops: `agreement` and `foreground`, of all and, behind a dot, of each group. Those of a group that no crop belongs to
/// are not a number, which the log leaves out.
package func agreementDiagnostics(
  _ crops: [(group: String?, agreement: LabelAgreement)], groups: [String]
) -> [(name: String, value: Double)] {
  func means(_ found: [LabelAgreement], _ ending: String) -> [(name: String, value: Double)] {
    let count = Double(found.count)
    return [
      ("agreement" + ending, found.reduce(0) { $0 + $1.dice } / count),
      ("foreground" + ending, found.reduce(0) { $0 + $1.foreground } / count),
    ]
  }
  return means(crops.map(\.agreement), "")
    + groups.flatMap { group in means(crops.filter { $0.group == group }.map(\.agreement), "." + group) }
}
