// Crops that were changed a little in the direction in which what a network says of them changes most (virtual adversarial training: Miyato et al.,
// arXiv:1704.03976; in SS-Net's form, ycwu1997/SS-Net, code/utils/losses.py, `VAT3d`). Axes: D H W voxels, C channels, K classes.

import Kernels
import Learning
import Tensors

/// How far a crop is moved, as the length of all its voxels together: to look for the direction, and along it.
private let distance = 10.0

/// Crops moved along their worst direction, which is found in one step from random numbers.
/// - Shape: images and noise [1, D, H, W, C], `said`, class probabilities of the images, [1, D, H, W, K].
/// - Parameters:
///   - noise: uniform around 0.
///   - network: class probabilities of several crops; the gradients of its weights are no part of the step.
package func adversarialCrops(
  of images: [Tensor], said: [Tensor], noise: [Tensor], memory: TapeMemory = .standard,
  network: ([Tensor], Tape) -> [Tensor]
) -> [Tensor] {
  let tape = Tape(memory: memory)
  let disturbed = zip(images, noise).map { tape.variable(moved($0, along: $1)) }
  let change = tape.disagreement(tape.stacked(network(disturbed, tape)), from: Tape(recording: false).stacked(said))
  tape.backward(from: [(change, weight: distance)])
  return zip(images, disturbed).map { moved($0, along: tape.gradient(of: $1)!) }
}

private func moved(_ image: Tensor, along direction: Tensor) -> Tensor {
  let result = Tensor(uninitialized: image.shape)
  let length = sumOfSquares(direction.pointer, count: direction.count).squareRoot() + 1e-8
  weightedSum(
    [(1, UnsafePointer(image.pointer)), (Float(distance / length), UnsafePointer(direction.pointer))], into: result.pointer,
    count: result.count)
  return withExtendedLifetime((image, direction)) { result }
}
