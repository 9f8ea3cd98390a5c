// SAM-Med3D's random Fourier code of a place in the image (uni-medical/SAM-Med3D, segment_anything/modeling/prompt_encoder3D.py):
// a = 2π (2u - 1) · G for u in [0, 1]³, code = sin a, cos a, sin a. For tokens the original swaps the first two axes; the weights
// were trained with that.

import Kernels
import Tensors

/// The code that belongs to one matrix.
public struct PositionalCode {
  /// G [3, F], row-major: the state dict's Gaussian matrix.
  private let matrix: [Float]
  private let frequencies: Int

  public init(matrix: [Float]) { (self.matrix, frequencies) = (matrix, matrix.count / 3) }

  /// The code, 3F values, of a voxel's centre in an image of `size` voxels along each side.
  public func ofVoxel(_ voxel: SIMD3<Double>, imageSize size: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: 3 * frequencies) { buffer, initialized in
      write((voxel + 0.5) / Double(size), to: buffer.baseAddress!)
      initialized = 3 * frequencies
    }
  }

  /// The codes of all tokens of a cube. Shape: [1, g³, 3F].
  public func ofTokens(grid: Int) -> Tensor {
    let codes = Tensor(uninitialized: [1, grid * grid * grid, 3 * frequencies])
    forEachBlock(codes.shape.rows) { token in
      let place = SIMD3(Double(token / grid % grid), Double(token / (grid * grid)), Double(token % grid))
      write((place + 0.5) / Double(grid), to: codes.pointer + token * 3 * frequencies)
    }
    return codes
  }

  private func write(_ u: SIMD3<Double>, to code: UnsafeMutablePointer<Float>) {
    let direction = 2 * Double.pi * (2 * u - 1)
    for f in 0..<frequencies {
      let column = SIMD3(Double(matrix[f]), Double(matrix[frequencies + f]), Double(matrix[2 * frequencies + f]))
      let angle = (direction * column).sum(), wave = Float(sine(angle))
      (code[f], code[frequencies + f], code[2 * frequencies + f]) = (wave, Float(cosine(angle)), wave)
    }
  }
}
