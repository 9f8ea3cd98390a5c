// The mean teacher's rule: a vector that follows another one (Tarvainen and Valpola, arXiv:1703.01780, equation 1).

import Kernels
import Tensors

public enum MovingAverage {
  /// alpha = min(1 - 1 / (t + 1), 0.99): the plain mean of the first hundred steps, then a moving one. The first step copies.
  public static func keep(at step: Int) -> Double { min(1 - 1 / Double(step + 1), 0.99) }

  /// teacher = alpha · teacher + (1 - alpha) · student, after step t. Both [P].
  public static func update(_ teacher: Tensor, with student: Tensor, at step: Int) {
    update(teacher, with: student, keep: keep(at: step))
  }

  /// teacher = keep · teacher + (1 - keep) · student. Both [P].
  public static func update(_ teacher: Tensor, with student: Tensor, keep: Double) {
    require(
      teacher.count == student.count, "moving average of \(student.count) values in \(teacher.count): both must have one length.")
    follow(student.pointer, by: teacher.pointer, keep: Float(keep), count: teacher.count)
  }
}
