// SAM's random Fourier code of a place on the canvas (facebookresearch/segment-anything, segment_anything/modeling/prompt_encoder.py):
// a = 2π (2u - 1) · G for u = (x, y) in [0, 1]², code = sin a, cos a.

import Kernels
import Tensors

/// The code that belongs to one matrix.
struct PlaneCode {
  /// G [2, F], row-major: the state dict's Gaussian matrix.
  private let matrix: [Float]
  private var frequencies: Int { matrix.count / 2 }

  init(matrix: [Float]) { self.matrix = matrix }

  /// The code, 2F values, of a pixel's centre.
  func ofPixel(row: Double, column: Double, canvas: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: 2 * frequencies) { buffer, initialized in
      write((column + 0.5) / Double(canvas), (row + 0.5) / Double(canvas), to: buffer.baseAddress!)
      initialized = 2 * frequencies
    }
  }

  /// The codes of all tokens. Shape: [1, g², 2F].
  func ofTokens(grid: Int) -> Tensor {
    let codes = Tensor(uninitialized: [1, grid * grid, 2 * frequencies])
    forEachBlock(grid * grid) { token in
      write(
        (Double(token % grid) + 0.5) / Double(grid), (Double(token / grid) + 0.5) / Double(grid),
        to: codes.pointer + token * 2 * frequencies)
    }
    return codes
  }

  private func write(_ x: Double, _ y: Double, to code: UnsafeMutablePointer<Float>) {
    for f in 0..<frequencies {
      let angle = 2 * Double.pi * ((2 * x - 1) * Double(matrix[f]) + (2 * y - 1) * Double(matrix[frequencies + f]))
      (code[f], code[frequencies + f]) = (Float(sine(angle)), Float(cosine(angle)))
    }
  }
}
