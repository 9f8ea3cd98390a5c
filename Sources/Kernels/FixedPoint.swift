// Sums of floats in 64-bit fixed point, which do not depend on the order of their addends. On one thread: they are made beside kernels that
// use all.

import CKernels

/// sums += values · scale, rounded to nearest; all [count].
/// - Parameter scale: units in 1, a power of two.
/// - Returns: the greatest magnitude in `values`, as the bits of a Float: a NaN exceeds infinity exceeds every number.
public func addFixedPoint(
  _ values: UnsafePointer<Float>, scale: Double, to sums: UnsafeMutablePointer<Int64>, count: Int
) -> Int32 {
  cohort_add_fixed_point(sums, values, scale, count)
}

/// sums += addends; all [count]. Wraps around.
public func addFixedPoint(_ addends: UnsafePointer<Int64>, to sums: UnsafeMutablePointer<Int64>, count: Int) {
  cohort_add_integers(sums, addends, count)
}

/// values = sums · factor; all [count].
public func fromFixedPoint(
  _ sums: UnsafePointer<Int64>, factor: Double, into values: UnsafeMutablePointer<Float>, count: Int
) {
  cohort_from_fixed_point(values, sums, factor, count)
}
