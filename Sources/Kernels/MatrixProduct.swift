// Matrix products by OpenBLAS, row-major: one on the calling thread, or one cut into tiles that are spread over the threads.
//
// OpenBLAS never uses threads of its own here. It would cut rows and columns at places that depend on their number, and long sums otherwise
// than without threads. Neither is harmless: its kernels for AVX2 round the last rows and columns of a piece otherwise than those inside,
// and a sum in two parts rounds otherwise than one. The tiles depend on the shape alone, so that no result depends on the number of threads.

import CKernels
import COpenBLAS
import COpenMP

/// The processor type for which OpenBLAS chose its kernels, for example SkylakeX: other types may round otherwise.
public var openBLASCore: String { String(cString: openblas_get_corename()) }

/// The factor that lies transposed in memory.
public enum ProductForm: Sendable {
  /// a [m, k], b [k, n].
  case plain
  /// a [k, m], b [k, n].
  case firstTransposed
  /// a [m, k], b [n, k].
  case secondTransposed
}

/// c [m, n] = a · b, plus `bias` [n] in each row. Overwrites c.
public func matrixProduct(
  _ form: ProductForm, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil,
  into c: UnsafeMutablePointer<Float>, m: Int, n: Int, k: Int
) {
  let (height, width) = tileSize(m: m, n: n, k: k)
  let strides = (a: form == .firstTransposed ? m : k, b: form == .secondTransposed ? k : n, c: n)
  let across = (n + width - 1) / width
  forEachBlock((m + height - 1) / height * across) { tile in
    let row = tile / across * height, column = tile % across * width
    let rows = min(height, m - row), columns = min(width, n - column), to = c + row * n + column
    if let bias { for line in 0..<rows { (to + line * n).update(from: bias + column, count: columns) } }
    product(
      form, a + (form == .firstTransposed ? row : row * k), b + (form == .secondTransposed ? column * k : column), into: to, rows,
      columns, k, strides: strides, adding: bias != nil)
  }
}

/// Rows and columns of a tile. Up to 256 of each keep OpenBLAS's kernels busy and the tile in cache; smaller ones, down to 32, where there
/// would be fewer than four, so that no thread is idle. A product that takes some microseconds is one tile.
private func tileSize(m: Int, n: Int, k: Int) -> (height: Int, width: Int) {
  if m * n * k <= 1 << 18 { return (m, n) }
  // A few rows are done fastest by OpenBLAS's kernels for small products, which it takes for up to 1,200 results and a million
  // multiply-adds.
  if m <= 32 { return (m, max(16, min(1200, 1_000_000 / k) / m / 16 * 16)) }
  var height = min(m, 256), width = min(n, 256)
  func half(_ length: Int) -> Int { (length / 2 + 15) / 16 * 16 }
  while max(height, width) > 32, (m + height - 1) / height * ((n + width - 1) / width) < 4 {
    if height >= width { height = half(height) } else { width = half(width) }
  }
  return (height, width)
}

/// c [m, n] = scale · a · b (+ c), with k summed over, on the calling thread alone.
/// - Parameter strides: floats from one row to the next of each matrix, where these are parts of wider ones.
func product(
  _ form: ProductForm, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>, _ m: Int,
  _ n: Int, _ k: Int, strides: (a: Int, b: Int, c: Int)? = nil, scale: Float = 1, adding: Bool = false
) {
  let strides = strides ?? (form == .firstTransposed ? m : k, form == .secondTransposed ? k : n, n)
  withoutThreadsOfOpenBLAS {
    cblas_sgemm(
      CblasRowMajor, form == .firstTransposed ? CblasTrans : CblasNoTrans, form == .secondTransposed ? CblasTrans : CblasNoTrans,
      Int32(m), Int32(n), Int32(k), scale, a, Int32(strides.a), b, Int32(strides.b), adding ? 1 : 0, c, Int32(strides.c))
  }
}

private func withoutThreadsOfOpenBLAS(_ body: () -> Void) {
  _ = posixThreadsAreOff
  // libgomp keeps this number for each thread, and OpenBLAS asks for it at every call.
  let threads = omp_get_max_threads()
  if threads > 1 { omp_set_num_threads(1) }
  body()
  if threads > 1 { omp_set_num_threads(threads) }
}

/// An OpenBLAS that was built with POSIX threads instead of libgomp's has a pool of its own: it is switched off once, for the process.
private let posixThreadsAreOff: Void = { if openblas_get_parallel() == 1 { openblas_set_num_threads(1) } }()
