// A golden file as tests of methods read it: numbers by name, and arrays with the batch first and channels second as samples with channels last.

import Testing

public struct GoldenFile: Sendable {
  public let tensors: [String: GoldenTensor]
  public let texts: [String: String]

  public init(_ tensors: [String: GoldenTensor], _ texts: [String: String]) { (self.tensors, self.texts) = (tensors, texts) }

  public init(_ path: String) throws { (tensors, texts) = (try loadSafetensors(path), try loadSafetensorsTexts(path)) }

  public func number(_ name: String) throws -> Double { try #require(texts[name].flatMap(Double.init), "\(name)") }

  /// The samples of an array [B, K, ...], each [...spatial, K], with three spatial axes.
  public func samples(_ name: String) throws -> [(values: [Float], shape: [Int])] {
    let stored = try #require(tensors[name], "\(name)"), shape = stored.shape, classes = shape[1]
    let voxels = shape[2...].reduce(1, *), sizes = shape.count == 5 ? Array(shape[2...]) : [1] + shape[2...]
    return (0..<shape[0]).map { b in
      let values = (0..<voxels * classes).map { stored.floats[(b * classes + $0 % classes) * voxels + $0 / classes] }
      return (values, [1] + sizes + [classes])
    }
  }

  /// Labels of samples [B, ...].
  public func labels(_ name: String) throws -> [[UInt8]] {
    let stored = try #require(tensors[name], "\(name)"), count = stored.floats.count / stored.shape[0]
    return (0..<stored.shape[0]).map { b in stored.floats[b * count..<(b + 1) * count].map { UInt8($0) } }
  }

  /// Compares a value with the one that the original program printed.
  public func expect(_ value: Double, _ name: String, within tolerance: Double = 2e-5) throws {
    let expected = try number(name)
    #expect(abs(value - expected) <= tolerance * max(abs(expected), 1e-3), "\(name): \(value) against \(expected)")
  }
}
