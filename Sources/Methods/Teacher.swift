// A mean teacher: the moving average of a student's parameters, which sees noisy crops with dropout of its own
// (Tarvainen and Valpola, arXiv:1703.01780; HiLab-git/SSL4MIS, code/train_mean_teacher_3D.py). Axes: D H W voxels, K classes.

import Learning
import Networks
import Preparation
import Tensors

/// Follows a student and predicts for it. Its passes record nothing.
final class Teacher {
  private let network: any Network
  /// A teacher with the first values of the plan's network.
  init(_ plan: MethodPlan) throws(MethodError) { network = try plan.makeNetwork() }

  var carried: CarriedVector { CarriedVector("teacher", network.parameters.values) }

  /// What it says of a sample's clean crop with noise, in training mode.
  /// - Parameter pass: distinguishes several passes of one sample.
  func prediction(_ sample: Sample, pass: UInt64 = 0, at step: Step) -> Prediction {
    network.predict(sample, .noisy(pass), at: step, on: Tape(recording: false))
  }

  /// Class probabilities [1, D, H, W, K] of the same.
  func probabilities(_ sample: Sample, pass: UInt64 = 0, at step: Step) -> Tensor {
    prediction(sample, pass: pass, at: step).probabilities
  }

  /// Class probabilities [1, D, H, W, K] of a sample's clean crop without noise, in training mode.
  func cleanProbabilities(_ sample: Sample, at step: Step) -> Tensor {
    network.predict(sample, .clean, at: step, on: Tape(recording: false)).probabilities
  }

  /// Several passes of a sample's clean crop, which differ by dropout.
  func passes(_ sample: Sample, at step: Step) -> TeacherPasses {
    let image = sample.image(.clean, at: step)
    let all = (1...TeacherPasses.count).map { pass in
      let mode = ForwardMode.training(dropout: sample.dropout(.noisy(UInt64(pass)), at: step))
      return network.forward(image, keeping: [.bottleneck], mode: mode, on: Tape(recording: false))
    }
    return TeacherPasses(
      probabilities: cleanProbabilities(sample, at: step), logits: all.map(\.logits), features: all.map { $0.features[0] })
  }

  /// Takes a share of the student's values, after the optimiser.
  /// - Parameter keep: the share that it keeps; nil begins with a plain mean.
  func follow(_ student: any Network, keep: Double? = nil, at step: Step) {
    MovingAverage.update(
      network.parameters.values, with: student.parameters.values, keep: keep ?? MovingAverage.keep(at: step.index))
  }
}
