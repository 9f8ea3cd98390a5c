// Whether a step of training fits into the memory that its host has left.

import Files
import Foundation

public enum HostMemory {
  /// Why a step on a patch (D, H, W in voxels) does not fit, with a hint; nil if it does, or if the system does not report its
  /// memory.
  /// - Parameters:
  ///   - sampleBytes: bytes of the samples of a step for each voxel of the patch.
  ///   - rehearsed: bytes that a rank's step takes at most, standard or lean.
  public static func problem(
    patch: [Int], sampleBytes: Int, isLean: Bool, ranks: Int, rehearsed: (_ isLean: Bool) throws -> Int
  ) rethrows -> String? {
    guard let available = FreeMemory.availableBytes else { return nil }
    // Sixteen channels at full resolution are less than any network holds: a patch that is too large for these and its samples need not be
    // rehearsed, which takes labels in real memory.
    let least = (16 * MemoryLayout<Float>.stride + sampleBytes) * patch.reduce(1, *)
    if let found = problem(standard: least, lean: least, isLean: isLean, available: available, ranks: ranks) { return found }
    return problem(
      standard: try rehearsed(false), lean: try rehearsed(true), isLean: isLean, available: available, ranks: ranks)
  }

  /// The same from the bytes of both.
  /// - Parameters:
  ///   - standard, lean: bytes that a rank's step takes at most with `memory: standard` and `memory: lean`.
  ///   - isLean: which of them the run asks for.
  ///   - available: bytes that the host has left for all of its ranks.
  ///   - ranks: ranks on the host.
  public static func problem(standard: Int, lean: Int, isLean: Bool, available: Int, ranks: Int) -> String? {
    let share = available / ranks
    guard (isLean ? lean : standard) > share else { return nil }
    let host = ranks > 1 ? "each of the \(ranks) ranks of this host has" : "this host has"
    let hint =
      !isLean && lean <= share
      ? "take memory: lean, which needs \(FreeMemory.text(lean)), or a smaller patch"
      : "take a smaller patch\(isLean ? "" : " and memory: lean")\(ranks > 1 ? ", or fewer ranks on a host" : "")"
    return "a step needs about \(FreeMemory.text(isLean ? lean : standard)) and \(host) \(FreeMemory.text(share)) left: \(hint)."
  }
}
