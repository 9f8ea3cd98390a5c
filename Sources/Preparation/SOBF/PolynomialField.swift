// Smooth random fields from polynomials that are orthonormal on the voxel grid. Sampled Legendre
// polynomials are orthogonal only nearly; these are so exactly, and each is even or odd about the middle of its axis. Products of
// odd total degree are therefore orthogonal to those of even degree, and none has a mean. Axes: D depth, H height, W width;
// row-major, W fastest.

import Tensors
import Volumes

/// All products of the axes' polynomials with total degree 1 to `degree` that are odd, or that are even, with Gaussian
/// amplitudes.
struct PolynomialField {
  enum Parity: Int { case even, odd }
  var degree: Int
  var parity: Parity

  /// The field [D, H, W]. An axis of n voxels has no polynomial of degree n or more.
  func field(_ extent: Extent, key: RandomKey) -> [Float] {
    let bases = (0..<3).map { AxisFunctions(orthonormalPolynomials(count: extent[$0], degree: degree)) }
    var coefficients: [Double] = []
    for n in 0..<bases[0].indices {
      for p in 0..<bases[1].indices {
        for q in 0..<bases[2].indices {
          let total = n + p + q, isTaken = (1...degree).contains(total) && total % 2 == parity.rawValue
          coefficients.append(isTaken ? key.gaussian(UInt64(coefficients.count)) : 0)
        }
      }
    }
    return SeparableSum(extent: extent, bases: bases).field(coefficients)
  }
}

/// The orthonormal polynomials of degree 0, 1, ... on `count` equidistant points, by their three-term recurrence: the next is x
/// times the last, less its part along the one before. The middle term is zero because x is odd about the middle.
func orthonormalPolynomials(count: Int, degree: Int) -> [[Double]] {
  let x = (0..<count).map { 2 * (Double($0) + 0.5) / Double(count) - 1 }
  func normalized(_ values: [Double]) -> [Double] {
    let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return values.map { $0 / norm }
  }
  var polynomials = [normalized([Double](repeating: 1, count: count))]
  while polynomials.count <= min(degree, count - 1) {
    var next = zip(x, polynomials.last!).map { $0 * $1 }
    if let before = polynomials.dropLast().last {
      let share = zip(next, before).reduce(0) { $0 + $1.0 * $1.1 }
      next = zip(next, before).map { $0 - share * $1 }
    }
    polynomials.append(normalized(next))
  }
  return polynomials
}
