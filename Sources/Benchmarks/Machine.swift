// The machine that a measurement was made on: what it is, and how fast it is at the two things that a training step consists of.

import Foundation
import Kernels

/// What a result is worthless without.
public struct Machine: Encodable, Sendable {
  /// Model name of the first processor.
  public let processor: String
  /// Logical processors that this process may run on.
  public let processors: Int
  public let oneDNN: String

  public init() {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
    processor = name?.trimmingCharacters(in: .whitespaces) ?? "unknown processor"
    processors = ProcessInfo.processInfo.activeProcessorCount
    oneDNN = oneDNNVersion
  }
}

/// Rates by which operations are judged, measured in about a second with the threads of the moment.
public struct MachineRates: Encodable, Sendable {
  /// 10⁹ floating-point operations in a second: oneDNN's forward 3x3x3 convolution of 64 channels to 64 on 32x32x32 voxels, as
  /// the direct sum.
  public let convolution: Double
  /// 10⁹ bytes in a second, read and written: a copy of 128 MiB.
  public let copy: Double

  public init() {
    let shape = ConvolutionShape(
      batch: 1, input: [32, 32, 32], inputChannels: 64, outputChannels: 64, kernel: [3, 3, 3], stride: [1, 1, 1],
      padding: [1, 1, 1], bias: false)
    let voxels = 32 * 32 * 32 * 64
    let x = Self.buffer(voxels), y = Self.buffer(voxels), weights = Self.buffer(64 * 64 * 27)
    convolution =
      shape.operations / Self.shortest { directConvolutionForward(shape, x: x, weights: weights, bias: nil, y: y) } / 1e9
    let floats = 1 << 25
    let from = Self.buffer(floats), to = Self.buffer(floats)
    copy = Double(2 * floats * MemoryLayout<Float>.stride) / Self.shortest { copyFloats(from, into: to, count: floats) } / 1e9
    for pointer in [x, y, weights, from, to] { pointer.deallocate() }
  }

  /// Seconds that the machine needs at these rates.
  public func limit(operations: Double, bytes: Double) -> Double {
    max(operations / (convolution * 1e9), bytes / (copy * 1e9))
  }

  /// Written once, so that the system has given the memory before it is measured.
  private static func buffer(_ count: Int) -> UnsafeMutablePointer<Float> {
    let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count)
    pointer.initialize(repeating: 0.5, count: count)
    return pointer
  }

  /// The shortest time of `body` in half a second, in seconds; the first call only warms up.
  private static func shortest(_ body: () -> Void) -> Double {
    body()
    var shortest = Double.infinity
    let started = ContinuousClock.now
    while ContinuousClock.now - started < .milliseconds(500) {
      shortest = min(shortest, ContinuousClock().measure(body) / .seconds(1))
    }
    return shortest
  }
}

/// The largest memory that this process ever had resident, in bytes.
func peakBytes() -> Int {
  let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
  return (line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first).flatMap { Int($0) }.map { $0 * 1024 } ?? 0
}
