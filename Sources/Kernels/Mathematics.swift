// The few functions of the C mathematics library that the engine needs, without Foundation.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// base^exponent.
public func raise(_ base: Double, to exponent: Double) -> Double { pow(base, exponent) }

/// e^x.
public func exponential(_ x: Double) -> Double { exp(x) }

/// The natural logarithm.
public func logarithm(_ x: Double) -> Double { log(x) }

public func sine(_ angle: Double) -> Double { sin(angle) }

public func cosine(_ angle: Double) -> Double { cos(angle) }
