// Attention with the relative positions of SAM-Med3D, over a whole grid of tokens or over a window that is padded behind the grid
// (uni-medical/SAM-Med3D, segment_anything/modeling/image_encoder3D.py). Axes: B batch, g tokens along each side of the grid, n
// along each side of the window, S size of a head, E = heads · S channels.

import Kernels

/// How the pad tokens of a window are attended to.
public enum WindowPadding: String, Sendable, CaseIterable {
  /// One key stands for all of them: exact, and a fraction of the work.
  case folded
  /// One by one, as the original does.
  case literal
}

extension Tape {
  /// softmax(q·k / √S + relative terms) · v over the tokens of the grid, and over pad tokens where the window is larger: their q,
  /// k and v are the bias of the projection that made `qkv`. Where a gradient is wanted the way is the literal one.
  /// - Shape: qkv [B, g, g, g, 3E] (q, k, v; a head's channels together), positions [2n-1, S], bias [3E]; result [B, g, g, g, E].
  public func relativeAttention(
    _ qkv: Tensor, positions: RelativePositions<Parameter>, bias: Parameter, heads: Int, padding: WindowPadding = .folded
  ) -> Tensor {
    let sides = qkv.shape.spatial, grid = sides[0], window = (positions.depth.shape[0] + 1) / 2
    require(
      sides == [grid, grid, grid] && window >= grid && qkv.shape.channels == 3 * heads * positions.depth.shape[1],
      "relative attention of \(qkv.shape) with \(heads) heads and positions \(positions.depth.shape): give a cube of tokens no "
        + "larger than the window of \(window), and 3 · heads · \(positions.depth.shape[1]) channels.")
    if window == grid { return globalAttention(qkv, positions, heads: heads) }
    let isRecorded = recording && (qkv.slot != nil || !(positions.axes + [bias]).allSatisfy(\.isFrozen))
    if isRecorded || padding == .literal {
      let padded = self.padded(qkv, side: window, by: bias)
      return cropped(globalAttention(padded, positions, heads: heads), side: grid)
    }
    let shape = RelativeAttentionShape(qkv, positions, heads: heads), y = attended(shape, qkv, positions, padding: bias)
    // For a profile: there is no backward pass.
    return record("relativeAttention", inputs: [qkv], output: y, operations: shape.operations) { _ in }
  }

  private func globalAttention(_ qkv: Tensor, _ positions: RelativePositions<Parameter>, heads: Int) -> Tensor {
    let shape = RelativeAttentionShape(qkv, positions, heads: heads), y = attended(shape, qkv, positions, padding: nil)
    return record("relativeAttention", inputs: [qkv], parameters: positions.axes, output: y, operations: shape.operations) { dy in
      let dqkv = Tensor(uninitialized: qkv.shape), gradients = positions.map { Tensor(uninitialized: $0.shape) }
      relativeAttentionGradient(
        shape, qkv: qkv.pointer, positions: positions.map { UnsafePointer($0.value.pointer) }, dy: dy.pointer,
        dqkv: dqkv.pointer, dpositions: gradients.map(\.pointer))
      for (table, gradient) in zip(positions.axes, gradients.axes) { table.accumulate(gradient) }
      self.accumulate(dqkv, for: qkv)
    }
  }

  private func attended(
    _ shape: RelativeAttentionShape, _ qkv: Tensor, _ positions: RelativePositions<Parameter>, padding: Parameter?
  ) -> Tensor {
    let y = Tensor(uninitialized: Shape(qkv.shape.sizes.dropLast() + [qkv.shape.channels / 3]))
    Kernels.relativeAttention(
      shape, qkv: qkv.pointer, positions: positions.map { UnsafePointer($0.value.pointer) }, padding: padding?.value.pointer,
      into: y.pointer)
    return y
  }

  /// Copies of `row` behind the ends of the three axes.
  /// - Shape: x [B, g, g, g, C], row [C]; result [B, side, side, side, C].
  private func padded(_ x: Tensor, side: Int, by row: Parameter) -> Tensor {
    let grid = x.shape[1], channels = x.shape.channels, y = Tensor(uninitialized: [x.shape.batch, side, side, side, channels])
    parallelFor(y.shape.rows, grain: 64) { start, end in
      for token in start..<end { (y.pointer + token * channels).update(from: row.value.pointer, count: channels) }
    }
    copyCorner(of: x, into: y, side: grid)
    return record("padded", inputs: [x], parameters: [row], output: y) { dy in
      let dx = Tensor(uninitialized: x.shape)
      copyCorner(of: dy, into: dx, side: grid)
      let all = columnSums(dy.pointer, rows: dy.shape.rows, channels: channels)
      let inside = columnSums(dx.pointer, rows: dx.shape.rows, channels: channels)
      row.accumulate(Tensor(zip(all, inside).map { Float($0 - $1) }, shape: row.shape))
      self.accumulate(dx, for: x)
    }
  }

  /// The first `side` tokens along each axis.
  private func cropped(_ x: Tensor, side: Int) -> Tensor {
    let y = Tensor(uninitialized: [x.shape.batch, side, side, side, x.shape.channels])
    copyCorner(of: x, into: y, side: side)
    return record("cropped", inputs: [x], output: y) { dy in
      let dx = Tensor(zeros: x.shape)
      copyCorner(of: dy, into: dx, side: side)
      self.accumulate(dx, for: x)
    }
  }
}

/// The first `side` tokens along each axis, from one cube to another.
private func copyCorner(of x: Tensor, into y: Tensor, side: Int) {
  let channels = x.shape.channels
  func row(_ cube: Tensor, _ line: Int) -> UnsafeMutablePointer<Float> {
    let (sample, i, j) = (line / (side * side), line / side % side, line % side), size = cube.shape[1]
    return cube.pointer + ((sample * size + i) * size + j) * size * channels
  }
  forEachBlock(x.shape.batch * side * side) { row(y, $0).update(from: row(x, $0), count: side * channels) }
}

extension RelativeAttentionShape {
  fileprivate init(_ qkv: Tensor, _ positions: RelativePositions<Parameter>, heads: Int) {
    self.init(
      batch: qkv.shape.batch, heads: heads, headSize: positions.depth.shape[1], grid: qkv.shape[1],
      window: (positions.depth.shape[0] + 1) / 2)
  }
}
