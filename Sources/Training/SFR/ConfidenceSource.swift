// Whose confidence counts in SFR+ (Li et al., arXiv:2403.11229, section III.D, which names the re-training network): the student's as it would
// be deployed, or its teacher's, the moving average, which changes less from step to step.

import Methods
import Networks
import Tensors

/// The network that is asked how sure it is, and that labels what it is sure of.
struct ConfidenceSource {
  private static let teacher = "teacher"

  private let student: any Network
  /// A network that is given the moving averages whenever it is asked; nil: the student itself.
  private let copy: (network: any Network, parameters: Tensor)?

  /// Errors: a method without a teacher.
  init(_ work: MethodWork, _ kind: ConfidenceSourceKind) throws {
    student = work.method.predictor
    guard kind == .teacher else {
      copy = nil
      return
    }
    guard let averages = work.method.carried.first(where: { $0.name == Self.teacher })?.values else {
      throw TrainingError(
        "confidence.source: teacher needs a method with a teacher, not \(work.description.method): take confidence.source: student, or "
          + "method: mean-teacher.")
    }
    copy = (try makeNetwork(work.description.network, work.description.plan), averages)
  }

  /// The network as it is now. A teacher has its student's running statistics: its own passes, on noisy crops, are no part of checkpoints.
  var network: any Network {
    guard let copy else { return student }
    copy.network.parameters.values.pointer.update(from: copy.parameters.pointer, count: copy.parameters.count)
    if let own = copy.network.statistics?.buffers, let given = student.statistics?.buffers { _ = own.takeValues(of: given) }
    return copy.network
  }
}
