// Pulling features together where a prior sees a structure (kunaljangid01/ReLiF_3D, code/ReLiF_3D_train_brats.py, `masked_gap3d`):
// weighted average pooling, and cosine distances.
// Axes: B batch, D H W voxels of a feature map, N voxels or tokens, C channels, E embedding, F foreground classes.

import Kernels
import Tensors

extension PriorProbabilities {
  /// P^γ of each foreground class, averaged over the voxels that fall on one voxel of a coarser grid.
  /// - Parameter grid: d, h, w of a feature map, each a divisor of the sample's.
  /// - Returns: [F, d·h·w].
  public func weights(exponent gamma: Double, grid: [Int]) -> Tensor {
    let classes = isPresent.count + 1, fine = values.shape.spatial, size = (0..<3).map { fine[$0] / grid[$0] }
    require(
      (0..<3).allSatisfy { size[$0] * grid[$0] == fine[$0] }, "weights of \(fine) voxels on a grid of \(grid): no whole multiple."
    )
    let cells = grid[0] * grid[1] * grid[2], result = Tensor(uninitialized: [classes - 1, cells])
    let to = result.pointer, from = values.pointer, share = 1 / Float(size[0] * size[1] * size[2])
    parallelFor(cells, grain: 64) { start, end in
      for cell in start..<end {
        let place = [cell / (grid[1] * grid[2]), cell / grid[2] % grid[1], cell % grid[2]]
        for k in 1..<classes { to[(k - 1) * cells + cell] = 0 }
        for d in place[0] * size[0]..<(place[0] + 1) * size[0] {
          for h in place[1] * size[1]..<(place[1] + 1) * size[1] {
            for w in place[2] * size[2]..<(place[2] + 1) * size[2] {
              let voxel = from + ((d * fine[1] + h) * fine[2] + w) * classes
              for k in 1..<classes {
                to[(k - 1) * cells + cell] += share * Float(raise(Double(voxel[k]), to: gamma))
              }
            }
          }
        }
      }
    }
    return withExtendedLifetime(values) { result }
  }
}

/// The sum of each row of weights [F, N].
public func rowSums(_ weights: Tensor) -> [Double] {
  let rows = weights.shape[0], count = weights.shape[1], from = weights.pointer
  return withExtendedLifetime(weights) {
    (0..<rows).map { row in
      sumOverBlocks(count, sums: 1) { start, length, sums in
        for i in start..<start + length { sums[0] += Double(from[row * count + i]) }
      }[0]
    }
  }
}

extension Tape {
  /// Masked average pooling: Σ w·x / max(Σ w, 1e-6) for each row of weights.
  /// - Shape: features [1, d, h, w, C]; weights [F, d·h·w]; result tokens [1, F, C].
  public func pooled(_ features: Tensor, weights: Tensor) -> Tensor {
    let (rows, count, channels) = (weights.shape[0], weights.shape[1], features.shape.channels)
    require(features.shape.rows == count, "pooling \(features.shape) with weights \(weights.shape): one weight for each voxel.")
    let divisors = rowSums(weights).map { max($0, 1e-6) }, x = features.pointer, w = weights.pointer
    let sums = withExtendedLifetime((features, weights)) {
      sumOverBlocks(count, sums: rows * channels, block: 1 << 13) { start, length, sums in
        for i in start..<start + length {
          for row in 0..<rows {
            let voxelWeight = Double(w[row * count + i])
            if voxelWeight == 0 { continue }
            for c in 0..<channels { sums[row * channels + c] += voxelWeight * Double(x[i * channels + c]) }
          }
        }
      }
    }
    let output = Tensor(
      (0..<rows * channels).map { Float(sums[$0] / divisors[$0 / channels]) }, shape: [1, rows, channels])
    let place = features.place
    return record("pooled", inputs: [features], output: output) { dy in
      let dx = Tensor(uninitialized: place.shape), to = dx.pointer, from = dy.pointer, w = weights.pointer
      let share = divisors.map { Float(1 / $0) }
      withExtendedLifetime((dy, weights)) {
        parallelFor(count, grain: 1 << 12) { start, end in
          for i in start..<end {
            for c in 0..<channels { to[i * channels + c] = 0 }
            for row in 0..<rows {
              let voxelWeight = w[row * count + i] * share[row]
              if voxelWeight == 0 { continue }
              for c in 0..<channels { to[i * channels + c] += voxelWeight * from[row * channels + c] }
            }
          }
        }
      }
      self.accumulate(dx, at: place)
    }
  }

  /// Σ w (1 - cos(x, target)) / (Σ w + 1e-6) over tokens. The gradient flows into `x` alone.
  /// - Shape: x and target [1, N, E].
  /// - Parameter weights: N of them.
  public func alignment(_ x: Tensor, to target: Tensor, weights: [Double]) -> Scalar {
    require(
      x.shape == target.shape && weights.count == x.shape.rows,
      "alignment of \(x.shape) to \(target.shape) with \(weights.count) weights: one shape, one weight for each token.")
    let channels = x.shape.channels, divisor = weights.reduce(0, +) + 1e-6
    let a = x.values.map(Double.init), b = target.values.map(Double.init)
    var value = 0.0, gradient = [Float](repeating: 0, count: x.count)
    for (token, weight) in weights.enumerated() where weight > 0 {
      let range = token * channels..<(token + 1) * channels
      var inner = 0.0, squares = 0.0, targetSquares = 0.0
      for i in range {
        inner += a[i] * b[i]
        squares += a[i] * a[i]
        targetSquares += b[i] * b[i]
      }
      let lengths = max((squares * targetSquares).squareRoot(), 1e-12), cosine = inner / lengths
      value += weight * (1 - cosine) / divisor
      for i in range { gradient[i] = Float(-weight / divisor * (b[i] / lengths - cosine * a[i] / max(squares, 1e-12))) }
    }
    return recordScalar("alignment", inputs: [x], value: value) { seed in
      self.accumulate(Tensor(gradient.map { Float(seed) * $0 }, shape: x.shape), for: x)
    }
  }

  /// Σ σ(s)(1 - cos(x, direction)) / Σ σ(s) over rows: how far features are from a direction, the more by what is scored high (ycwu1997/SS-Net,
  /// code/utils/contrastive_losses.py).
  /// - Shape: x [N, 1, 1, 1, C], scores [N, 1, 1, 1, 1], direction C numbers.
  public func separation(_ x: Tensor, scores: Tensor, from direction: [Double]) -> Scalar {
    let (rows, channels) = (x.shape.rows, x.shape.channels)
    require(
      scores.count == rows && direction.count == channels,
      "separation of \(x.shape) with scores \(scores.shape) from \(direction.count) numbers: one score for each row, one number for each channel."
    )
    // Of a row: σ(s), the length, and 1 - the cosine.
    @Sendable func parts(_ row: Int) -> (share: Double, length: Double, distance: Double) {
      let from = x.pointer + row * channels
      var (inner, squares) = (0.0, 0.0)
      for c in 0..<channels {
        inner += Double(from[c]) * direction[c]
        squares += Double(from[c]) * Double(from[c])
      }
      let length = max(squares.squareRoot(), 1e-12)
      return (1 / (1 + exponential(-Double(scores.pointer[row]))), length, 1 - inner / length)
    }
    let sums = sumOverBlocks(rows, sums: 2, block: 1 << 12) { start, length, sums in
      for row in start..<start + length {
        let (share, _, distance) = parts(row)
        sums[0] += share * distance
        sums[1] += share
      }
    }
    let value = sums[0] / sums[1], total = sums[1]
    return recordScalar("separation", inputs: [x, scores], value: value) { seed in
      let dx = Tensor(uninitialized: x.shape), ds = Tensor(uninitialized: scores.shape)
      parallelFor(rows, grain: 1 << 10) { start, end in
        for row in start..<end {
          let (share, length, distance) = parts(row), from = x.pointer + row * channels, to = dx.pointer + row * channels
          ds.pointer[row] = Float(seed * share * (1 - share) * (distance - value) / total)
          let factor = -seed * share / (total * length)
          for c in 0..<channels { to[c] = Float(factor * (direction[c] - (1 - distance) * Double(from[c]) / length)) }
        }
      }
      self.accumulate(dx, for: x)
      self.accumulate(ds, for: scores)
    }
  }
}
