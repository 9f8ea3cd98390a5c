// The time of MPI_Allreduce by message size, as osu_allreduce of the OSU micro-benchmarks (mvapich.cse.ohio-state.edu/benchmarks)
// takes it: warm-up, barrier, minimum, mean and maximum over the ranks. Buffers hold zeros, so that no sum overflows.

import Files
import Foundation
import Kernels
import MPI

/// The messages that are timed, and how often.
struct AllreducePlan: Sendable {
  /// Bytes of each message, multiples of 8.
  var sizes: [Int]
  var repeats: Int
}

/// One message size with one element type.
public struct AllreduceRow: Codable, Sendable {
  /// Float (`reduction: fast`) or Int64 (`exact`).
  public var element: String
  public var bytes: Int
  /// The slowest rank's time in each repeat, seconds.
  public var seconds: [Double]
  /// The least, mean and largest of the ranks' means over the repeats, seconds.
  public var minimum: Double
  public var mean: Double
  public var maximum: Double
}

/// What was measured on all ranks.
public struct AllreduceResult: Codable, Sendable {
  public var ranks: Int
  public var rows: [AllreduceRow]
  /// How long one rank adds a byte of one vector to another: the γ of the model, seconds.
  public var addSecondsPerByte: Double

  func divided(by factor: Double) -> AllreduceResult {
    var result = self
    result.addSecondsPerByte /= factor
    result.rows = rows.map { row in
      AllreduceRow(
        element: row.element, bytes: row.bytes, seconds: row.seconds.map { $0 / factor }, minimum: row.minimum / factor,
        mean: row.mean / factor, maximum: row.maximum / factor)
    }
    return result
  }
}

extension AllreduceRow {
  /// 10⁹ bytes in a second: message size over the median time.
  public var algorithmBandwidth: Double { Double(bytes) / median(seconds) / 1e9 }

  /// What each rank's link must carry at least: 2(p-1)/p times the algorithm's bandwidth.
  public func busBandwidth(ranks: Int) -> Double { 2 * Double(ranks - 1) / Double(ranks) * algorithmBandwidth }
}

/// Times messages of these sizes, with all that describes a measurement. Collective.
public func measureMessages(_ sizes: [Int], repeats: Int = 10, over world: borrowing Communicator) throws -> MeasuredRun {
  let result = try measureAllreduce(AllreducePlan(sizes: sizes, repeats: repeats), over: world)
  return MeasuredRun(
    allreduce: result, identity: try Identity.gather(settings: "allreduce \(sizes) \(repeats)", over: world))
}

/// Runs the plan. Collective.
func measureAllreduce(_ plan: AllreducePlan, over world: borrowing Communicator) throws -> AllreduceResult {
  // The values, and twice as much that MPI may take to add them.
  if let shortage = FreeMemory.shortage(of: 3 * (plan.sizes.max() ?? 0), for: "the allreduce of the largest size") {
    throw ScalingError("\(shortage): leave it out.")
  }
  var rows: [AllreduceRow] = []
  for bytes in plan.sizes {
    rows.append(try measure(Float.self, "Float", bytes, plan.repeats, world))
    rows.append(try measure(Int64.self, "Int64", bytes, plan.repeats, world))
  }
  return AllreduceResult(ranks: world.size, rows: rows, addSecondsPerByte: addSecondsPerByte())
}

private func measure<Element: MessageElement & ExpressibleByIntegerLiteral>(
  _: Element.Type, _ name: String, _ bytes: Int, _ repeats: Int, _ world: borrowing Communicator
) throws -> AllreduceRow {
  var values = [Element](repeating: 0, count: bytes / MemoryLayout<Element>.stride)
  func time(_ calls: Int) throws -> Double {
    try world.barrier()
    let started = ContinuousClock.now
    for _ in 0..<calls { try world.allreduce(&values, .sum) }
    return (ContinuousClock.now - started) / .seconds(1) / Double(calls)
  }
  _ = try time(1)
  // A repeat of small messages is as many calls as take two milliseconds, on all ranks alike.
  let once = try world.allreduce(try time(2), .maximum)
  let calls = max(1, min(1000, Int(0.002 / max(once, 1e-7))))
  var times: [Double] = []
  for _ in 0..<repeats { times.append(try time(calls)) }

  var slowest = times
  try world.allreduce(&slowest, .maximum)
  let mean = times.reduce(0, +) / Double(repeats)
  return AllreduceRow(
    element: name, bytes: bytes, seconds: slowest, minimum: -(try world.allreduce(-mean, .maximum)),
    mean: try world.allreduce(mean, .sum) / Double(world.size), maximum: try world.allreduce(mean, .maximum))
}

/// The shortest of ten additions of 16 MiB to 16 MiB, which no cache holds.
private func addSecondsPerByte() -> Double {
  let count = 1 << 22
  let into = [Float](repeating: 1, count: count), from = [Float](repeating: 1, count: count)
  var sum = into, shortest = Double.infinity
  for _ in 0..<10 {
    let time = ContinuousClock().measure {
      sum.withUnsafeMutableBufferPointer { sum in
        from.withUnsafeBufferPointer { from in for index in 0..<count { sum[index] += from[index] } }
      }
    }
    shortest = min(shortest, time / .seconds(1))
  }
  return shortest / Double(count * MemoryLayout<Float>.stride)
}

extension AllreduceResult {
  /// A table for people.
  public var text: String {
    let title = "element       bytes    min us   mean us    max us  median us  algbw GB/s  busbw GB/s"
    let lines = rows.map { row in
      row.element.padding(toLength: 8, withPad: " ", startingAt: 0)
        + String(
          format: "%11d %9.1f %9.1f %9.1f  %9.1f  %10.3f  %10.3f", row.bytes, row.minimum * 1e6, row.mean * 1e6,
          row.maximum * 1e6, median(row.seconds) * 1e6, row.algorithmBandwidth, row.busBandwidth(ranks: ranks))
    }
    let ends = String(format: "%d ranks; one rank adds %.1f GB/s", ranks, 1e-9 / addSecondsPerByte)
    return ([title] + lines + [ends]).joined(separator: "\n")
  }
}

/// The message sizes that a text means: `4K,64K,1M`, or `4K..128M` for every doubling from the first to the last. K and M are
/// 1024 and 1024².
public func messageSizes(_ text: String) throws(ScalingError) -> [Int] {
  let ends = text.components(separatedBy: "..")
  if ends.count == 2 {
    let (first, last) = (try messageSize(ends[0], in: text), try messageSize(ends[1], in: text))
    guard first <= last else { throw ScalingError("The sizes \(text) go down: write the smaller end first.") }
    return Array(sequence(first: first) { $0 * 2 <= last ? $0 * 2 : nil })
  }
  var sizes: [Int] = []
  for part in text.split(separator: ",", omittingEmptySubsequences: false) {
    sizes.append(try messageSize(String(part), in: text))
  }
  return sizes
}

private func messageSize(_ text: String, in list: String) throws(ScalingError) -> Int {
  let text = text.trimmingCharacters(in: .whitespaces)
  let unit = ["K": 1 << 10, "M": 1 << 20][text.suffix(1)]
  guard let number = Int(unit == nil ? text : String(text.dropLast())), number > 0, number <= 1 << 20 || unit == nil,
    number * (unit ?? 1) % 8 == 0, number * (unit ?? 1) <= 1 << 32
  else {
    throw ScalingError(
      "\"\(text)\" in \(list) is no message size: write a multiple of 8 bytes up to 4096M, for example 64K or 4M.")
  }
  return number * (unit ?? 1)
}
