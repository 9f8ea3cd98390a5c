// Matrix products by OpenBLAS, row-major: one on the calling thread, or one cut into tiles that are spread over the threads. The tiles have
// fixed sizes, so that no result depends on the number of threads.

import CKernels
import COpenBLAS

/// The processor type for which OpenBLAS chose its kernels, for example SkylakeX: other types may round otherwise.
public var openBLASCore: String { String(cString: openblas_get_corename()) }

/// Which factor lies transposed in memory.
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
  let height = min(m, 256), width = tileWidth(m: m, k: k)
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

/// A few rows are done fastest by OpenBLAS's kernels for small products, which it takes for up to 1,200 results and a million
/// multiply-adds.
private func tileWidth(m: Int, k: Int) -> Int { m > 32 ? 256 : max(16, min(1200, 1_000_000 / k) / m / 16 * 16) }

/// c [m, n] = scale · a · b (+ c), with k summed over; OpenBLAS runs it on one thread where the caller is already spread over threads.
/// - Parameter strides: floats from one row to the next of each matrix, where these are parts of wider ones.
func product(
  _ form: ProductForm, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>, _ m: Int,
  _ n: Int, _ k: Int, strides: (a: Int, b: Int, c: Int)? = nil, scale: Float = 1, adding: Bool = false
) {
  let strides = strides ?? (form == .firstTransposed ? m : k, form == .secondTransposed ? k : n, n)
  cblas_sgemm(
    CblasRowMajor, form == .firstTransposed ? CblasTrans : CblasNoTrans, form == .secondTransposed ? CblasTrans : CblasNoTrans,
    Int32(m), Int32(n), Int32(k), scale, a, Int32(strides.a), b, Int32(strides.b), adding ? 1 : 0, c, Int32(strides.c))
}
