// A fingerprint of weights: a key of caches, not a seal against forgery.
//
// Arrays are taken in order of their names, each as its name, its shape and its values as float32, so the same weights give the same hash
// in either format, from any order, type or memory layout of the file that holds these values exactly. Four lanes take in turn 64-bit
// words by lane = mixBits(lane ^ word). As that is a bijection of the lane, files that differ in one word never agree; as its every output
// bit depends on every input bit, others agree with the chance of random numbers, 2⁻⁶⁴. Four lanes keep the multiplier busy.

import Tensors

extension WeightFile {
  /// The fingerprint of all arrays. Reads the whole file: about as fast as memory.
  public var weightsHash: UInt64 {
    entries.sorted { $0.name < $1.name }.reduce(UInt64(entries.count)) { hash, entry in
      let shape = entry.shape.reduce(fnv1a64(entry.name)) { mixBits($0 &+ 1 ^ UInt64($1)) }
      let tensor = roundedTensor(entry)
      return withExtendedLifetime(tensor) { hashOfFloats(tensor.pointer, count: tensor.count, seed: mixBits(hash &+ 1) ^ shape) }
    }
  }
}

/// The fingerprint of `count` floats.
private func hashOfFloats(_ floats: UnsafePointer<Float>, count: Int, seed: UInt64) -> UInt64 {
  let bytes = UnsafeRawPointer(floats), step = 32, whole = count * 4 / step * step
  var lane0 = RandomKey(seed).hash(0), lane1 = RandomKey(seed).hash(1)
  var lane2 = RandomKey(seed).hash(2), lane3 = RandomKey(seed).hash(3)
  func word(_ offset: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
  for offset in stride(from: 0, to: whole, by: step) {
    lane0 = mixBits(lane0 ^ word(offset))
    lane1 = mixBits(lane1 ^ word(offset + 8))
    lane2 = mixBits(lane2 ^ word(offset + 16))
    lane3 = mixBits(lane3 ^ word(offset + 24))
  }
  for offset in stride(from: whole, to: count * 4, by: 4) {
    lane0 = mixBits(lane0 ^ UInt64(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }
  return [lane1, lane2, lane3, UInt64(count)].reduce(lane0) { mixBits($0 &+ 1 ^ $1) }
}
