// Which voxels are ambiguous by prototypes (AC-MT: Xu et al., arXiv:2212.05479; lemoshu/AC-MT, code/train_ACMT_proto_BraTS2019.py): a class's prototype is the
// mean of the teacher's coarsest features where it is sure of that class, and a voxel is clean where the nearest one agrees with the student.
// Axes: B crops, D H W voxels of a crop, d h w of the coarsest level, C channels, K classes.

import Kernels
import Learning
import Preparation
import Tensors

/// What a teacher says of a crop in several passes that differ by dropout.
package struct TeacherPasses {
  static let count = 10
  /// Class probabilities of one more pass, [1, D, H, W, K].
  let probabilities: Tensor
  /// Logits of each pass, [1, D, H, W, K].
  let logits: [Tensor]
  /// The mean of the coarsest features, [1, d, h, w, C].
  let features: Tensor

  package init(probabilities: Tensor, logits: [Tensor], features: [Tensor]) {
    (self.probabilities, self.logits) = (probabilities, logits)
    let mean = Tensor(zeros: features[0].shape)
    withExtendedLifetime(features) { for one in features { add(one.pointer, to: mean.pointer, count: mean.count) } }
    scale(mean.pointer, by: 1 / Float(features.count), into: mean.pointer, count: mean.count)
    self.features = mean
  }

  /// The likeliest class of each voxel among those of which the passes are sure; background where they are of none.
  package func sureLabels() -> [UInt8] {
    let sure = Tensor(uninitialized: probabilities.shape), passes = Float(logits.count)
    parallelFor(sure.count, grain: 1 << 10) { start, end in
      for index in start..<end {
        let said = logits.map { Float(1 / (1 + exponential(-Double($0.pointer[index]) / 2))) }, mean = said.reduce(0, +) / passes
        let variance = said.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (passes - 1)
        sure.pointer[index] = variance.squareRoot() < 0.1 ? probabilities.pointer[index] : 0
      }
    }
    return likeliestLabels(sure)
  }

  /// 1 where the nearest prototype says of a class what the student's likeliest class says, else 0: [1, D, H, W, K].
  /// - Parameter student: class probabilities [1, D, H, W, K].
  package func cleanClasses(student: Tensor) -> Tensor {
    let classes = student.shape.channels, labels = likeliestLabels(student)
    let nearness = nearness(classes: classes), clean = Tensor(uninitialized: student.shape)
    parallelFor(labels.count, grain: 1 << 12) { start, end in
      for voxel in start..<end {
        let row = nearness.pointer + voxel * classes, nearest = (0..<classes).max { row[$0] < row[$1] }!
        let isTie = (0..<classes).contains { $0 != nearest && row[$0] == row[nearest] }
        for k in 0..<classes {
          clean.pointer[voxel * classes + k] = (k == nearest && !isTie) == (k == Int(labels[voxel])) ? 1 : 0
        }
      }
    }
    return withExtendedLifetime(nearness) { clean }
  }

  /// 2 f·q - |q|² of each voxel's interpolated features f and each class's prototype q: greater where the two are nearer. Sums over voxels and products with
  /// prototypes are taken on the coarse grid, which is the same and needs no features of the size of a crop.
  private func nearness(classes: Int) -> Tensor {
    let labels = sureLabels(), size = features.shape.spatial, channels = features.shape.channels
    let weights = Tensor(uninitialized: probabilities.shape), coarse = Tensor(uninitialized: Shape([1] + size + [classes]))
    parallelFor(labels.count, grain: 1 << 12) { start, end in
      for voxel in start..<end {
        for k in 0..<classes {
          let index = voxel * classes + k
          weights.pointer[index] = k == Int(labels[voxel]) ? probabilities.pointer[index] : 0
        }
      }
    }
    let quiet = Tape(recording: false), onGrid = quiet.gatheredFromUpsampling(weights, onto: size), places = size.reduce(1, *)
    parallelFor(classes, grain: 1) { start, end in
      for k in start..<end {
        var prototype = [Double](repeating: 0, count: channels), total = 1e-5
        for place in 0..<places {
          let weight = Double(onGrid.pointer[place * classes + k])
          total += weight
          for c in 0..<channels { prototype[c] += weight * Double(features.pointer[place * channels + c]) }
        }
        for c in 0..<channels { prototype[c] /= total }
        let square = prototype.reduce(0) { $0 + $1 * $1 }
        for place in 0..<places {
          let product = (0..<channels).reduce(0.0) { $0 + prototype[$1] * Double(features.pointer[place * channels + $1]) }
          coarse.pointer[place * classes + k] = Float(2 * product - square)
        }
      }
    }
    return quiet.upsampled(coarse, to: probabilities.shape.spatial)
  }
}

/// The agreement term over what is not clean, and the entropy of what is.
/// - Parameters:
///   - pairs: predictions of the student and class probabilities of the teacher, [1, D, H, W, K].
///   - clean: see `TeacherPasses.cleanClasses`.
///   - mixesIndices: the published program takes class k of the mask with the entropy of crop k, which needs as many crops as classes.
package func prototypeTerms(
  _ pairs: [(prediction: Prediction, target: Tensor)], clean: [Tensor], weight: Double, mixesIndices: Bool, on tape: Tape
) throws(MethodError) -> [LossTerm] {
  guard let shape = pairs.first?.target.shape else { return [] }
  let classes = shape.channels, quiet = Tape(recording: false)
  guard !mixesIndices || pairs.count == classes else {
    throw MethodError(
      "method.faithfulEntropyIndex needs as many unlabelled crops as classes: set batch.unlabelled to \(classes), or leave it false."
    )
  }
  // One value a row: masks differ between the classes of a voxel.
  let flat = Shape([pairs.count] + shape.spatial.dropLast() + [shape.spatial[2] * classes, 1])
  let p = tape.stacked(pairs.map(\.prediction.probabilities)), mask = quiet.stacked(clean)
  let ambiguous = Tensor(uninitialized: flat), sure = Tensor(uninitialized: Shape([pairs.count] + shape.spatial + [1]))
  parallelFor(mask.count, grain: 1 << 13) { start, end in
    for index in start..<end { ambiguous.pointer[index] = 1 - mask.pointer[index] }
  }
  let voxels = shape.rows
  parallelFor(pairs.count * voxels, grain: 1 << 12) { start, end in
    for row in start..<end {
      let (crop, voxel) = (row / voxels, row % voxels)
      let sum = (0..<classes).reduce(Float(0)) { sum, k in
        sum + mask.pointer[mixesIndices ? (k * voxels + voxel) * classes + crop : row * classes + k]
      }
      sure.pointer[row] = sum / Float(classes)
    }
  }
  let difference = tape.squaredDifference(
    tape.reshaped(p, flat), to: quiet.reshaped(quiet.stacked(pairs.map(\.target)), flat), weights: ambiguous)
  return [
    LossTerm("consistency", difference, weight: weight),
    LossTerm("entropy", withExtendedLifetime(mask) { tape.weightedEntropy(p, weights: sure) }, weight: weight),
  ]
}
