// Which patches a network can take.

import Settings

/// The longest side of a patch in voxels: sizes in bytes of whatever has the extent of a patch stay far below the largest Int.
public let longestPatchSide = 4096

extension SettingFormat where Value == [Int] {
  /// D, H, W of a patch on a command line, for example 64,64,64.
  public static var patchSides: Self { .plainIntegers(count: 3, upTo: longestPatchSide) }
}

/// What is wrong with a patch (D, H, W in voxels) for a network with that divisor, and a hint; nil for a good patch.
public func patchProblem(_ patch: [Int], divisor: [Int], network: String) -> String? {
  for (axis, name) in ["depth", "height", "width"].enumerated() where patch[axis] % divisor[axis] != 0 {
    let lower = max(divisor[axis], patch[axis] / divisor[axis] * divisor[axis])
    return "the \(name) \(patch[axis]) is not divisible by \(divisor[axis]), the stride of \(network): "
      + "take \(lower) or \(lower + divisor[axis])."
  }
  guard (0..<3).reduce(1, { $0 * (patch[$1] / divisor[$1]) }) > 1 else {
    return "\(patch.map(String.init).joined(separator: "x")) leaves \(network) a single voxel at its coarsest level, "
      + "where nothing can be normalised: double at least one side."
  }
  return nil
}
