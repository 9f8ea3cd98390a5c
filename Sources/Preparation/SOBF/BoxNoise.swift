// Smooth random fields from white noise under a running mean, as in ReLiF-3D (kunaljangid01/ReLiF_3D, code/ReLiF_3D_train_brats.py,
// `_gauss_blur3d`). Noise and sums are integers, so the field is the same bits for every order of summation, thread count and rank
// count.
// Axes: D depth, H height, W width; row-major, W fastest.

import Tensors
import Volumes

/// What a box sees beyond the edge of the crop.
public enum BoxBorder: Sendable {
  /// Zeros: the field fades towards the border, as published.
  case zero
  /// Beyond it lies more noise: the field is stationary.
  case valid
}

/// White noise of bytes, summed over a box of odd `width` voxels, `passes` times along every axis.
package struct BoxNoise {
  var width: Int
  var passes: Int
  var border: BoxBorder

  package init(width: Int, passes: Int, border: BoxBorder) { (self.width, self.passes, self.border) = (width, passes, border) }

  /// The field [D, H, W], scaled as the box mean of noise with variance 1.
  package func field(_ extent: Extent, key: RandomKey) -> [Float] {
    guard width % 2 == 1, width > 0, passes > 0 else {
      fatalError("SOBF: a box of width \(width) with \(passes) passes; choose an odd width and at least one pass")
    }
    let growth = Double(passes) * log2Upper(width)  // bits that the sums along one axis add to the 9 of the noise
    guard 9 + 3 * growth < 63, 9 + growth < 31 else {
      fatalError("SOBF: \(passes) box passes of width \(width) overflow 64-bit sums; choose a smaller width")
    }
    let margin = border == .valid ? passes * (width - 1) : 0
    let noise = IntegerField<Int32>(
      noise: Extent(extent.depth + margin, extent.height + margin, extent.width + margin), key: key)
    // Axis by axis: with a valid border the later axes then work on less.
    let rows = summed(noise, axis: 2)
    return 9 + 3 * growth < 31
      ? scaled(summed(summed(rows, axis: 1), axis: 0))
      : scaled(summed(summed(IntegerField<Int64>(widening: rows), axis: 1), axis: 0))
  }

  private func summed<Sum>(_ field: IntegerField<Sum>, axis: Int) -> IntegerField<Sum> {
    var sums = field
    for _ in 0..<passes { sums = sums.runningSums(axis: axis, width: width, border: border) }
    return sums
  }

  private func scaled<Sum>(_ sums: IntegerField<Sum>) -> [Float] {
    var boxVolume = 1.0
    for _ in 0..<3 * passes { boxVolume *= Double(width) }
    let noiseStandardDeviation = (65535.0 / 3).squareRoot()
    let scale = 1 / (boxVolume * noiseStandardDeviation)
    return sums.values.map { Float(Double($0) * scale) }
  }

  /// An upper bound of the binary logarithm of a small number.
  private func log2Upper(_ number: Int) -> Double {
    let power = Int.bitWidth - number.leadingZeroBitCount - 1
    return Double(power) + Double(number) / Double(1 << power) - 1 + 0.0861
  }
}

/// A field of integers [D, H, W].
package struct IntegerField<Sum: FixedWidthInteger & Sendable> {
  package let extent: Extent
  package let values: [Sum]

  /// White noise: voxel 8·j + b is 2·v + 1 for the signed byte v = b of the key's word j. The bytes alone have the mean -1/2, which a box of
  /// 41 voxels with a zero border would turn into the same dome, larger than the random field, in every draw.
  package init(noise extent: Extent, key: RandomKey) {
    self.extent = extent
    let count = extent.count
    values = [Sum](unsafeUninitializedCapacity: count) { buffer, initialised in
      var voxel = 0
      while voxel < count {
        var word = key.hash(UInt64(voxel / 8))
        for index in voxel..<min(voxel + 8, count) {
          buffer[index] = 2 &* Sum(truncatingIfNeeded: Int8(truncatingIfNeeded: word)) &+ 1
          word >>= 8
        }
        voxel += 8
      }
      initialised = count
    }
  }

  init(widening field: IntegerField<Int32>) { self.init(extent: field.extent, values: field.values.map { Sum($0) }) }

  private init(extent: Extent, values: [Sum]) { (self.extent, self.values) = (extent, values) }

  /// The sums over `width` neighbours along one axis. With `.zero` the extent stays; with `.valid` the axis loses `width` - 1 voxels.
  package func runningSums(axis: Int, width: Int, border: BoxBorder) -> IntegerField {
    let window = SumWindow(count: extent[axis], width: width, border: border)
    var result = extent
    result[axis] = window.outputCount
    let inner = axis == 0 ? extent.height * extent.width : axis == 1 ? extent.width : 1
    let outer = extent.count / (extent[axis] * inner)
    let summed = values.withUnsafeBufferPointer { input in
      [Sum](unsafeUninitializedCapacity: result.count) { output, initialised in
        if inner == 1 {
          for line in 0..<outer {
            window.sumLine(input.baseAddress! + line * window.count, output.baseAddress! + line * window.outputCount)
          }
        } else {
          for slab in 0..<outer {
            window.sumLines(
              input.baseAddress! + slab * window.count * inner, output.baseAddress! + slab * window.outputCount * inner,
              stride: inner)
          }
        }
        initialised = result.count
      }
    }
    return IntegerField(extent: result, values: summed)
  }
}

/// A window of `width` values that slides along a line of `count` values; output o sums the values o - lead ..< o - lead + width.
struct SumWindow {
  let count: Int
  let width: Int
  let lead: Int
  let outputCount: Int

  init(count: Int, width: Int, border: BoxBorder) {
    self.count = count
    self.width = width
    lead = border == .zero ? width / 2 : 0
    outputCount = border == .zero ? count : count - width + 1
  }

  /// One contiguous line.
  func sumLine<Sum: FixedWidthInteger>(_ input: UnsafePointer<Sum>, _ output: UnsafeMutablePointer<Sum>) {
    var sum: Sum = 0
    for index in 0..<min(count, width - 1 - lead) { sum &+= input[index] }
    for index in 0..<outputCount {
      let entering = index - lead + width - 1
      let leaving = index - lead - 1
      if entering < count { sum &+= input[entering] }
      if leaving >= 0 { sum &-= input[leaving] }
      output[index] = sum
    }
  }

  /// `stride` neighbouring lines whose values lie `stride` apart, in blocks that stay in the cache.
  func sumLines<Sum: FixedWidthInteger>(_ input: UnsafePointer<Sum>, _ output: UnsafeMutablePointer<Sum>, stride: Int) {
    let block = 256
    withUnsafeTemporaryAllocation(of: Sum.self, capacity: block) { sums in
      for first in Swift.stride(from: 0, to: stride, by: block) {
        let lines = min(block, stride - first)
        sums.initialize(repeating: 0)
        for index in 0..<min(count, width - 1 - lead) { add(input + index * stride + first, to: sums, lines) }
        for index in 0..<outputCount {
          let entering = index - lead + width - 1
          let leaving = index - lead - 1
          if entering < count { add(input + entering * stride + first, to: sums, lines) }
          if leaving >= 0 { subtract(input + leaving * stride + first, from: sums, lines) }
          (output + index * stride + first).update(from: sums.baseAddress!, count: lines)
        }
      }
    }
  }

  private func add<Sum: FixedWidthInteger>(_ values: UnsafePointer<Sum>, to sums: UnsafeMutableBufferPointer<Sum>, _ count: Int) {
    for line in 0..<count { sums[line] &+= values[line] }
  }

  private func subtract<Sum: FixedWidthInteger>(
    _ values: UnsafePointer<Sum>, from sums: UnsafeMutableBufferPointer<Sum>, _ count: Int
  ) {
    for line in 0..<count { sums[line] &-= values[line] }
  }
}
