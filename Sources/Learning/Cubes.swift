// Crops cut into equal cubes and put together again (DeepMed-Lab-ECNU/MagicNet, code/utils/cube_utils.py). Axes: B batch, D H W voxels of a crop, d h w of a
// cube, C channels, N cubes of a crop.

import Kernels
import Tensors

/// How crops of one size are cut: N = count³ cubes, of which the one at (x, y, z) along D, H, W is number (count · x + y) · count + z.
public struct CubeGrid: Sendable, Equatable {
  /// D, H, W of a crop.
  public let size: [Int]
  /// Cubes along each axis.
  public let count: Int

  /// - Returns: nil where the sides of the crop are no multiples of the count.
  public init?(_ size: [Int], count: Int) {
    guard size.allSatisfy({ $0 % count == 0 }) else { return nil }
    (self.size, self.count) = (size, count)
  }

  /// N.
  public var cubes: Int { count * count * count }
  /// d, h, w.
  public var side: [Int] { size.map { $0 / count } }

  /// Along D, H, W.
  public func position(_ cube: Int) -> [Int] { [cube / (count * count), cube / count % count, cube % count] }
}

extension Tape {
  /// The cubes of each sample one after the other. Shapes: x [B, D, H, W, C]; result [B·N, d, h, w, C].
  public func cut(_ x: Tensor, _ grid: CubeGrid) -> Tensor { move(x, grid, isCut: true) }

  /// The crops of which these are the cubes. Shapes: x [B·N, d, h, w, C]; result [B, D, H, W, C].
  public func tiled(_ x: Tensor, _ grid: CubeGrid) -> Tensor { move(x, grid, isCut: false) }

  private func move(_ x: Tensor, _ grid: CubeGrid, isCut: Bool) -> Tensor {
    let channels = x.shape.channels, samples = isCut ? x.shape.batch : x.shape.batch / grid.cubes
    require(
      x.shape.spatial == (isCut ? grid.size : grid.side) && samples * (isCut ? 1 : grid.cubes) == x.shape.batch,
      "\(isCut ? "cut" : "tiled") \(x.shape): crops are \(grid.size) and their cubes \(grid.side).")
    let shape = Shape(
      isCut ? [samples * grid.cubes] + grid.side + [channels] : [samples] + grid.size + [channels])
    let y = Tensor(uninitialized: shape), place = x.place
    withExtendedLifetime(x) { copyCubes(x, into: y, grid, samples: samples, isCut: isCut) }
    return record(isCut ? "cut" : "tiled", inputs: [x], output: y) { dy in
      let dx = Tensor(uninitialized: place.shape)
      withExtendedLifetime(dy) { copyCubes(dy, into: dx, grid, samples: samples, isCut: !isCut) }
      self.accumulate(dx, at: place)
    }
  }
}

/// Copies between crops and their cubes, a row along W at a time.
private func copyCubes(_ x: Tensor, into y: Tensor, _ grid: CubeGrid, samples: Int, isCut: Bool) {
  let size = grid.size, side = grid.side, row = side[2] * x.shape.channels
  forEachBlock(samples * grid.cubes) { block in
    let sample = block / grid.cubes, place = grid.position(block % grid.cubes)
    for d in 0..<side[0] {
      for h in 0..<side[1] {
        let ofCube = ((block * side[0] + d) * side[1] + h) * row
        let line = (sample * size[0] + place[0] * side[0] + d) * size[1] + place[1] * side[1] + h
        let ofCrop = (line * grid.count + place[2]) * row
        (y.pointer + (isCut ? ofCube : ofCrop)).update(from: x.pointer + (isCut ? ofCrop : ofCube), count: row)
      }
    }
  }
}
