// Counter-based random numbers: every number is a function of (seed, volume or lane, draw, stream, index), never of a rank, a
// thread or the order of calls. SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014) in counter form; `RandomKeyTests` pins
// its numbers.

/// A key from which any number of random values can be drawn by index, in any order.
public struct RandomKey: Hashable, Sendable {
  public let value: UInt64

  public init(_ value: UInt64) { self.value = value }

  /// The key of one purpose: `draw` is the global sample number (never the rank), `stream` the purpose.
  public init(seed: UInt64, volume: String, draw: UInt64, stream: UInt64) {
    let seeded = RandomKey(seed).hash(0) ^ fnv1a64(volume)
    self.value = RandomKey(RandomKey(seeded).hash(draw)).hash(stream)
  }

  /// The 64 random bits at `counter`.
  @inlinable public func hash(_ counter: UInt64) -> UInt64 {
    mixBits(value &+ (counter &+ 1) &* 0x9E37_79B9_7F4A_7C15)
  }

  /// A key for a part of this purpose (a layer, a round, an axis).
  public func child(_ index: UInt64) -> RandomKey { RandomKey(hash(index)) }

  /// A number in [0, 1) with 53 random bits.
  @inlinable public func uniform(_ counter: UInt64) -> Double { Double(hash(counter) >> 11) * 0x1p-53 }

  /// An integer in 0..<bound, without modulo bias beyond 2^-64 · bound.
  @inlinable public func integer(_ counter: UInt64, below bound: Int) -> Int {
    Int(hash(counter).multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A Gaussian number with mean 0 and variance 1: the sum of twelve 16-bit uniforms minus 6 (exact, no libm); uses counters 3·i, 3·i+1, 3·i+2.
  @inlinable public func gaussian(_ counter: UInt64) -> Double {
    var sum: UInt64 = 0
    for word in 0..<3 {
      let bits = hash(3 &* counter &+ UInt64(word))
      sum += (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48)
    }
    return (Double(sum) + 6) / 65536 - 6  // +6: each 16-bit value stands for the middle of its cell
  }
}

/// Streams of `RandomKey.init(seed:volume:draw:stream:)`.
public enum RandomStream {
  public static let multiplicativeField: UInt64 = 1
  public static let additiveField: UInt64 = 2
  public static let priorNoise: UInt64 = 3
  public static let crop: UInt64 = 4
  public static let rotationAndFlip: UInt64 = 5
  public static let click: UInt64 = 6
  /// Dropout uses `dropout + view`, and a child key for each layer.
  public static let dropout: UInt64 = 7
  /// Noise and dropout of a teacher's passes, a child key for each pass.
  public static let teacher: UInt64 = 12
  public static let dataOrder: UInt64 = 20
  public static let initialWeights: UInt64 = 21
  public static let synthesis: UInt64 = 22
  public static let pretraining: UInt64 = 23
  public static let labelNoise: UInt64 = 24
  /// How two crops are mixed.
  public static let mixing: UInt64 = 25
  /// Augmentation of stitched canvases, a child key for each kind of change.
  public static let stitching: UInt64 = 31
  /// nnU-Net's augmentation of crops, a child key for each kind of change.
  public static let augmentation: UInt64 = 32
  /// Random contrasts of crops, a child key for each channel.
  public static let contrast: UInt64 = 33
}

@inlinable public func mixBits(_ bits: UInt64) -> UInt64 {
  var z = bits
  z ^= z >> 30
  z = z &* 0xBF58_476D_1CE4_E5B9
  z ^= z >> 27
  z = z &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

/// The 64-bit FNV-1a hash of a text's UTF-8 bytes.
public func fnv1a64(_ text: String) -> UInt64 {
  text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
