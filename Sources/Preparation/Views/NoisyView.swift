// The view under noise, as teachers see it: Gaussian of standard deviation 0.1, cut off at ±0.2 (UA-MT, code/train_LA_meanteacher_certainty_unlabel.py).

import Kernels
import Tensors

extension View {
  /// The crop under Gaussian noise.
  public static let noisy = View.noisy(0)

  /// One of several noisy views of a crop, each with noise and dropout of its own.
  public static func noisy(_ number: UInt64) -> View {
    View("noisy \(number)", stream: RandomStream.teacher, path: [number, 1]) { source in
      let image = source.image, noisy = Tensor(uninitialized: image.shape)
      let key = source.key(RandomStream.teacher).child(number).child(0)
      withExtendedLifetime(image) {
        addNoise(image.pointer, into: noisy.pointer, standardDeviation: 0.1, limit: 0.2, key: key.value, count: image.count)
      }
      return noisy
    }
  }
}
