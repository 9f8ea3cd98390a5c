// Labels of whole volumes that somebody found before, with a certainty for each voxel, as a prior: registration's.

import Kernels
import Preparation
import Tensors

public final class VolumeLabelPrior: Prior {
  /// Of logits: surer would leave a distillation nothing but its hardest voxels.
  private static let limit: Float = 4
  /// A volume's labels and the probability of each times 255, [D, H, W].
  private struct Labels {
    let labels, certainty: [UInt8]
  }
  public let title: String
  /// The trust in all of the labels, 0...1.
  public var reliability = 1.0
  /// K.
  private let classes: Int
  private var volumes: [String: Labels] = [:]

  public init(title: String, classes: Int) { (self.title, self.classes) = (title, classes) }

  /// Takes the labels of a volume; of volumes without any there are no answers.
  /// - Parameters:
  ///   - labels: classes, [D, H, W].
  ///   - certainty: the probability of each label times 255.
  public func give(_ identifier: String, labels: [UInt8], certainty: [UInt8]) {
    volumes[identifier] = Labels(labels: labels, certainty: certainty)
  }

  public func answer(for sample: Sample, student: Tensor, at step: Step) throws(MethodError) -> PriorAnswer? {
    if Rehearsal.isOn { return .rehearsed(student) }
    guard let place = sample.place, let volume = volumes[sample.identifier] else { return nil }
    let labels = place.cut(volume.labels, outside: 0), certainty = place.cut(volume.certainty, outside: 255)
    let isPresent = (1..<classes).map { labels.contains(UInt8($0)) }
    guard isPresent.contains(true) else { return nil }
    return PriorAnswer(logits: logits(labels, certainty, student.shape), isPresent: isPresent)
  }

  /// The share that a label leaves falls to all other classes alike.
  private func logits(_ labels: [UInt8], _ certainty: [UInt8], _ shape: Shape) -> Tensor {
    let foreground = classes - 1, logits = Tensor(uninitialized: Shape(shape.sizes.dropLast() + [foreground]))
    withExtendedLifetime(logits) {
      let to = logits.pointer
      parallelFor(labels.count, grain: 1 << 12) { start, end in
        for voxel in start..<end {
          let sure = Float(certainty[voxel]) / 255, other = (1 - sure) / Float(foreground)
          for k in 0..<foreground {
            to[voxel * foreground + k] = logit(Int(labels[voxel]) == k + 1 ? sure : other, limit: Self.limit)
          }
        }
      }
    }
    return logits
  }
}
