// The embeddings of whole volumes in the canonical frame, as a rank holds them: rounded to half precision, whether computed now
// or read from a cache, so that a run does not depend on which. Axes: g tokens along each side
// of a window, P channels.

import Methods
import Preparation
import Tensors

/// The windows over one volume and what the network makes of each.
struct VolumeEmbedding: Sendable {
  var windows: [CanonicalWindow]
  /// [windows, g, g, g, P].
  var values: [Float16]

  /// Origin, step and reach of each window along D, H, W: 12 numbers a window.
  var geometry: [Double] {
    windows.flatMap { $0.origin + $0.step + $0.reach.map(\.lowerBound) + $0.reach.map(\.upperBound) }
  }

  init(windows: [CanonicalWindow], values: [Float16]) { (self.windows, self.values) = (windows, values) }

  /// - Parameters:
  ///   - size: N of the windows.
  ///   - values: nil for geometry that no window can have.
  init?(geometry: [Double], size: Int, values: [Float16]) {
    let windows = stride(from: 0, to: geometry.count, by: 12).compactMap { start -> CanonicalWindow? in
      let part = Array(geometry[start..<start + 12])
      guard part[3..<6].allSatisfy({ $0 > 0 }), (0..<3).allSatisfy({ part[6 + $0] < part[9 + $0] }) else { return nil }
      return CanonicalWindow(
        size: size, origin: Array(part[0..<3]), step: Array(part[3..<6]), reach: (0..<3).map { part[6 + $0]...part[9 + $0] })
    }
    guard !windows.isEmpty, windows.count * 12 == geometry.count else { return nil }
    self.init(windows: windows, values: values)
  }
}

/// The embeddings of the volumes that a rank may draw.
final class VolumeEmbeddings: EmbeddingSource {
  /// g and P.
  private let grid: Int
  private let channels: Int
  private var volumes: [String: VolumeEmbedding] = [:]

  init(grid: Int, channels: Int) { (self.grid, self.channels) = (grid, channels) }

  func keep(_ identifier: String, _ embedding: VolumeEmbedding) { volumes[identifier] = embedding }

  func embedding(for sample: Sample) throws(MethodError) -> [WindowEmbedding] {
    guard let place = sample.place else { return [] }
    guard let volume = volumes[sample.identifier] else {
      throw MethodError(
        "there is no embedding of case \(sample.identifier): it is no training case of this rank; report this fault.")
    }
    let count = grid * grid * grid * channels
    return volume.windows.enumerated().map { number, window in
      let tensor = Tensor(uninitialized: [1, grid, grid, grid, channels])
      withExtendedLifetime(tensor) {
        for index in 0..<count { tensor.pointer[index] = Float(volume.values[number * count + index]) }
      }
      return WindowEmbedding(map: WindowMap(place, window), embedding: tensor)
    }
  }
}
