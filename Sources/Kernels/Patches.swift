// Convolution whose kernel equals its stride, and its transpose: each place of the coarse grid belongs to one block of the fine grid, so
// both are matrix products between rows of A coarse channels and rows of F·E values, a block's F voxels of E fine channels each.
// Weights [A, E, fD, fH, fW] are PyTorch's in both: [O, I, ...] of a strided convolution, [I, O, ...] of a transposed one.

import CKernels

/// The numbers that describe the two grids: coarse [B, D, H, W, A] and fine [B, fD·D, fH·H, fW·W, E].
public struct PatchShape: Sendable {
  public var batch: Int
  /// D, H, W of the coarse grid.
  public var coarse: [Int]
  /// fD, fH, fW.
  public var factors: [Int]
  /// A.
  public var coarseChannels: Int
  /// E.
  public var fineChannels: Int

  public init(batch: Int, coarse: [Int], factors: [Int], coarseChannels: Int, fineChannels: Int) {
    self.batch = batch
    self.coarse = coarse
    self.factors = factors
    self.coarseChannels = coarseChannels
    self.fineChannels = fineChannels
  }

  /// Floating-point operations of one pass (a multiply and an add count two).
  public var operations: Double { 2 * Double(places) * Double(coarseChannels) * Double(row) }
  /// Places of the coarse grid in the whole batch.
  var places: Int { batch * coarse.reduce(1, *) }
  /// F.
  var voxels: Int { factors.reduce(1, *) }
  /// F·E.
  var row: Int { voxels * fineChannels }
  /// Places whose rows stay in a core's cache (about 1 MB), and enough of them for a product worth its overhead.
  var placesInChunk: Int { max(64, (1 << 18) / row) }
  var chunks: Int { (places + placesInChunk - 1) / placesInChunk }
  /// Few chunks would leave threads idle: then one product of all places is cut into tiles instead.
  var hasFewChunks: Bool { chunks < 4 }
}

/// Transposed convolution: every block of `fine` = its coarse row · weights + bias. Overwrites `fine`.
public func spreadPatches(
  _ shape: PatchShape, coarse: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
  into fine: UnsafeMutablePointer<Float>
) {
  withPacked(shape, weights) { packed in
    if shape.hasFewChunks {
      withScratch(shape.places * shape.row) { rows in
        matrixProduct(.plain, coarse, packed, into: rows, m: shape.places, n: shape.row, k: shape.coarseChannels)
        parallelFor(shape.places, grain: 16) { first, end in
          cohort_scatter_patches(
            fine, rows + first * shape.row, bias, shape.coarse, shape.factors, shape.fineChannels, first, end - first)
        }
      }
      return
    }
    forEachChunk(shape) { first, count, rows in
      product(
        .plain, coarse + first * shape.coarseChannels, packed, into: rows, count, shape.row, shape.coarseChannels)
      cohort_scatter_patches(fine, rows, bias, shape.coarse, shape.factors, shape.fineChannels, first, count)
    }
  }
}

/// Convolution with kernel = stride: every coarse row = weights · its block of `fine` + bias. Overwrites `coarse`.
public func collectPatches(
  _ shape: PatchShape, fine: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
  into coarse: UnsafeMutablePointer<Float>
) {
  withPacked(shape, weights) { packed in
    if shape.hasFewChunks {
      withAllRows(shape, fine) { rows in
        matrixProduct(
          .secondTransposed, rows, packed, bias: bias, into: coarse, m: shape.places, n: shape.coarseChannels, k: shape.row)
      }
      return
    }
    forEachChunk(shape) { first, count, rows in
      cohort_gather_patches(rows, fine, shape.coarse, shape.factors, shape.fineChannels, first, count)
      let to = coarse + first * shape.coarseChannels
      product(.secondTransposed, rows, packed, into: to, count, shape.coarseChannels, shape.row)
      if let bias { cohort_add_to_rows(to, bias, count, shape.coarseChannels) }
    }
  }
}

/// The weights' gradient, Σ over places of coarse row × block of `fine`, with the gradient on one side and the input on the other.
/// Overwrites `dw` [A, E, fD, fH, fW]; summed over fixed blocks of places, added in order.
public func patchWeightGradient(
  _ shape: PatchShape, coarse: UnsafePointer<Float>, fine: UnsafePointer<Float>, into dw: UnsafeMutablePointer<Float>
) {
  if shape.hasFewChunks {
    withAllRows(shape, fine) { rows in
      withScratch(shape.coarseChannels * shape.row) { sum in
        matrixProduct(.firstTransposed, coarse, rows, into: sum, m: shape.coarseChannels, n: shape.row, k: shape.places)
        reorder(shape) { packed, plain in dw[plain] = sum[packed] }
      }
    }
    return
  }
  let chunks = shape.chunks, blocks = min(16, chunks), size = shape.coarseChannels * shape.row
  let partial = UnsafeMutablePointer<Float>.allocate(capacity: blocks * size)
  defer { partial.deallocate() }
  forEachBlock(blocks) { block in
    let sum = partial + block * size
    sum.update(repeating: 0, count: size)
    withChunkMemory(shape) { rows in
      for chunk in (block * chunks / blocks)..<((block + 1) * chunks / blocks) {
        let (first, count) = range(of: chunk, shape)
        cohort_gather_patches(rows, fine, shape.coarse, shape.factors, shape.fineChannels, first, count)
        let from = coarse + first * shape.coarseChannels
        product(.firstTransposed, from, rows, into: sum, shape.coarseChannels, shape.row, count, adding: true)
      }
    }
  }
  for block in 1..<max(1, blocks) { cohort_add(partial, partial + block * size, size) }
  reorder(shape) { packed, plain in dw[plain] = partial[packed] }
}

/// Weights as a matrix [A, F·E], a block's voxels outermost, so that a row holds runs of channels. One channel is in that order already.
private func withPacked(_ shape: PatchShape, _ weights: UnsafePointer<Float>, _ body: (UnsafePointer<Float>) -> Void) {
  if shape.fineChannels == 1 { return body(weights) }
  withScratch(shape.coarseChannels * shape.row) { to in
    reorder(shape) { packed, plain in to[packed] = weights[plain] }
    body(to)
  }
}

/// The places of each weight in [A, F, E] and in PyTorch's [A, E, F].
@inline(__always)
private func reorder(_ shape: PatchShape, _ body: (_ packed: Int, _ plain: Int) -> Void) {
  let (fine, voxels) = (shape.fineChannels, shape.voxels)
  for a in 0..<shape.coarseChannels {
    for e in 0..<fine { for v in 0..<voxels { body((a * voxels + v) * fine + e, (a * fine + e) * voxels + v) } }
  }
}

/// Runs `body(first, count, rows)` for each chunk of places, with memory for the chunk's rows of F·E values.
private func forEachChunk(_ shape: PatchShape, _ body: (Int, Int, UnsafeMutablePointer<Float>) -> Void) {
  forEachBlock(shape.chunks) { chunk in
    let (first, count) = range(of: chunk, shape)
    withChunkMemory(shape) { rows in body(first, count, rows) }
  }
}

/// Runs `body` with the rows of F·E values of all places.
private func withAllRows(_ shape: PatchShape, _ fine: UnsafePointer<Float>, _ body: (UnsafePointer<Float>) -> Void) {
  withScratch(shape.places * shape.row) { rows in
    parallelFor(shape.places, grain: 16) { first, end in
      cohort_gather_patches(rows + first * shape.row, fine, shape.coarse, shape.factors, shape.fineChannels, first, end - first)
    }
    body(rows)
  }
}

private func range(of chunk: Int, _ shape: PatchShape) -> (first: Int, count: Int) {
  let first = chunk * shape.placesInChunk
  return (first, min(shape.placesInChunk, shape.places - first))
}

private func withChunkMemory(_ shape: PatchShape, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  let rows = UnsafeMutablePointer<Float>.allocate(capacity: min(shape.placesInChunk, shape.places) * shape.row)
  defer { rows.deallocate() }
  body(rows)
}
