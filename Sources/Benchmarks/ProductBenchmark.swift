// How fast matrix products are, and whether their bits are the same on every rank and any number of threads: what "same bits on
// any number of ranks" rests on.

import Foundation
import Kernels
import MPI
import Tensors

/// One shape of a product c [m, n] = a [m, k] · b [k, n].
public struct ProductRow: Codable, Sendable {
  public let m: Int
  public let n: Int
  public let k: Int
  /// 10⁹ floating-point operations in a second, of each rank in rank order: 2 m n k over the median time.
  public let gflopPerSecond: [Double]
  /// The hash of c's bits on rank 0 with all threads.
  public let hash: String
  public let sameOnAllRanks: Bool
  public let sameOnAllThreadCounts: Bool
}

/// What was found on all ranks.
public struct ProductResult: Codable, Sendable {
  public let ranks: Int
  public let threads: Int
  /// The processor type that OpenBLAS chose on each rank.
  public let cores: [String]
  public let rows: [ProductRow]

  /// A table for people.
  public var text: String {
    let title = "     m      n      k   GF/s min   GF/s max   bits              on ranks   on thread counts"
    let lines = rows.map { row in
      String(
        format: "%6d %6d %6d %10.1f %10.1f   %@  %@  %@", row.m, row.n, row.k, row.gflopPerSecond.min()!,
        row.gflopPerSecond.max()!,
        row.hash, (row.sameOnAllRanks ? "same" : "DIFFERENT").padding(toLength: 9, withPad: " ", startingAt: 0),
        row.sameOnAllThreadCounts ? "same" : "DIFFERENT")
    }
    let ends =
      "\(ranks) rank\(ranks == 1 ? "" : "s") of \(threads) threads, OpenBLAS for \(Set(cores).sorted().joined(separator: ", "))"
    return ([title] + lines + [ends]).joined(separator: "\n")
  }
}

/// Times products of some shapes that networks have: patches of a convolution, attention, a square one. Collective; sets the
/// threads.
public func measureProducts(threads: Int, repeats: Int, over world: borrowing Communicator) throws -> ProductResult {
  var rows: [ProductRow] = []
  for (m, n, k) in [(32768, 64, 128), (512, 384, 384), (4096, 16, 432), (768, 768, 768)] {
    let a = random(m * k, seed: 1), b = random(k * n, seed: 2)
    var c = [Float](repeating: 0, count: m * n)
    func multiply() { matrixProduct(.plain, a, b, into: &c, m: m, n: n, k: k) }
    let hashes = threadCounts(threads).map { count in
      Threads.set(count)
      multiply()
      return bitHash(c)
    }
    let times = (0..<repeats).map { _ in ContinuousClock().measure(multiply) / .seconds(1) }
    let rate = 2 * Double(m * n * k) / median(times) / 1e9
    let ofRanks = try world.allgather(text: "\(rate) \(hashes.last!)").map { $0.split(separator: " ").map(String.init) }
    let same = try world.allgather(text: Set(hashes).count == 1 ? "same" : "different")
    rows.append(
      ProductRow(
        m: m, n: n, k: k, gflopPerSecond: ofRanks.map { Double($0[0])! }, hash: hashes.last!,
        sameOnAllRanks: Set(ofRanks.map { $0[1] }).count == 1, sameOnAllThreadCounts: same.allSatisfy { $0 == "same" }))
  }
  return ProductResult(ranks: world.size, threads: threads, cores: try world.allgather(text: openBLASCore), rows: rows)
}

/// 1, 2, 4 and so on, and at last `most`.
private func threadCounts(_ most: Int) -> [Int] {
  Array(sequence(first: 1) { $0 * 2 < most ? $0 * 2 : nil }.prefix { $0 < most }) + [most]
}

private func random(_ count: Int, seed: UInt64) -> [Float] {
  let key = RandomKey(seed)
  return (0..<count).map { Float(key.uniform(UInt64($0))) - 0.5 }
}

/// Sixteen hexadecimal digits.
private func bitHash(_ values: [Float]) -> String {
  let hash = values.reduce(UInt64(values.count)) { mixBits($0 ^ UInt64($1.bitPattern)) }
  let digits = String(hash, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
