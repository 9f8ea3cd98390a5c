// How the weight of an unsupervised term grows over a run (exp(-5 (1 - t)²) of Laine and Aila, arXiv:1610.02242; stairs as in
// HiLab-git/SSL4MIS, code/train_mean_teacher_3D.py): 0.0067 at the start, 1 at the end, in 200 stairs.

import Kernels

/// exp(-5 (1 - min(⌊200 t / T⌋, 200) / 200)²): the published ramp, whose stairs are 150 steps wide in a run of 30000, for a run of any length.
public enum ConsistencyRamp {
  /// - Parameters:
  ///   - step: t, from 0.
  ///   - total: T, steps of the whole run.
  public static func weight(at step: Int, of total: Int) -> Double {
    weight(epoch: min(200, 200 * step / max(1, total)), of: 200)
  }

  /// The same in epochs, as the programs count them; 1 from the last on.
  public static func weight(epoch: Int, of length: Int) -> Double {
    if length == 0 { return 1 }
    let rest = 1 - Double(min(epoch, length)) / Double(length)
    return exponential(-5 * rest * rest)
  }
}
