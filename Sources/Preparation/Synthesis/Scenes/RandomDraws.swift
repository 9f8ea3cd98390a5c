// Numbers of one random key in the order in which they are asked for: for code that draws many parameters one after the other.

import Tensors

/// Draws from a key. The n-th draw is a function of the key and n.
package struct RandomDraws {
  private let key: RandomKey
  private var counter: UInt64 = 0

  package init(_ key: RandomKey) { self.key = key }

  package mutating func uniform(_ range: ClosedRange<Float>) -> Float {
    defer { counter += 1 }
    return range.lowerBound + (range.upperBound - range.lowerBound) * Float(key.uniform(counter))
  }

  package mutating func integer(_ range: ClosedRange<Int>) -> Int {
    defer { counter += 1 }
    return range.lowerBound + key.integer(counter, below: range.count)
  }

  package mutating func chance(_ probability: Float) -> Bool { uniform(0...1) < probability }

  /// A point of the cube ±1.
  package mutating func point() -> SIMD3<Float> { SIMD3(uniform(-1...1), uniform(-1...1), uniform(-1...1)) }

  /// A key for a field or another sequence.
  package mutating func child() -> RandomKey {
    defer { counter += 1 }
    return key.child(counter)
  }
}
