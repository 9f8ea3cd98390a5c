// Whether all ranks compute alike: the same OpenBLAS kernels, the same speed, and the same bits with the threads of training and
// with 1 and 2.

import Files
import Foundation
import Kernels

let arithmeticCheck = DoctorCheck("arithmetic", collect: { _ in ArithmeticFacts() }, judge: judgeArithmetic)

/// What a matrix product of 384 x 384 x 384 gives on a rank, all ranks working at once as in training.
package struct ArithmeticFacts: Codable, Sendable {
  /// The processor type that OpenBLAS has chosen its kernels for.
  package let core: String
  /// 10⁹ floating-point operations in a second, the best of a few tries.
  package let rate: Double
  /// CRC-32 of the product: with the rank's own threads, with 1 and with 2.
  package let checksums: [UInt32]

  package init(core: String, rate: Double, checksums: [UInt32]) {
    (self.core, self.rate, self.checksums) = (core, rate, checksums)
  }

  init() {
    let side = 384, count = side * side
    // Small whole numbers would hide differences in rounding; these do not.
    let a = (0..<count).map { Float(($0 * 7919) % 10007) / 10007 - 0.5 },
      b = (0..<count).map { Float(($0 * 104_729) % 10009) / 9973 - 0.5 }
    var c = [Float](repeating: 0, count: count)
    func multiply() { matrixProduct(.plain, a, b, into: &c, m: side, n: side, k: side) }
    let chosen = Threads.count
    defer { Threads.set(chosen) }
    multiply()
    var shortest = Double.infinity
    let started = ContinuousClock.now
    while ContinuousClock.now - started < .milliseconds(250) {
      shortest = min(shortest, ContinuousClock().measure(multiply) / .seconds(1))
    }
    (core, rate) = (openBLASCore, 2 * Double(side * count) / shortest / 1e9)
    checksums = [chosen, 1, 2].map { threads in
      Threads.set(threads)
      multiply()
      return checksum(of: c)
    }
  }
}

package func judgeArithmetic(_ all: [Placed<ArithmeticFacts>]) -> [Finding] {
  let cores = sameEverywhere(
    "OpenBLAS kernels", all, hint: "choose one for all with -x OPENBLAS_CORETYPE=NAME, for example Haswell", isProblem: false
  ) { $0.core }
  return [cores, judgeRates(all), judgeBits(all)]
}

private func judgeRates(_ all: [Placed<ArithmeticFacts>]) -> Finding {
  let what = "speed of a rank", rates = all.map(\.facts.rate).sorted()
  let median = rates[rates.count / 2]
  let value = "\(Int(median.rounded())) GF/s (\(Int(rates[0].rounded())) to \(Int(rates[rates.count - 1].rounded())))"
  let slow = all.filter { $0.facts.rate < 0.9 * median }
  guard let worst = slow.min(by: { $0.facts.rate < $1.facts.rate }) else { return .ok(what, value) }
  let share = Int((100 * (1 - worst.facts.rate / median)).rounded())
  return .warning(
    what, "\(value): \(rankList(slow.map(\.rank))) more than 10 % slower, rank \(worst.rank) on \(worst.host) by \(share) %",
    hint: "every step waits for the slowest: look for other work on that host, or leave it out")
}

private func judgeBits(_ all: [Placed<ArithmeticFacts>]) -> Finding {
  let what = "bits of a product"
  let byHost = all.grouped { $0.checksums[0] }
  let threadsMatter = all.contains { Set($0.facts.checksums).count > 1 }
  if byHost.count > 1 {
    let text = byHost.map { "\(hexadecimal($0.value)) on \(rankList($0.ranks))" }.joined(separator: ", ")
    return .problem(
      what, "differ: \(text)",
      hint:
        "results would depend on who computes: choose one OpenBLAS kernel with -x OPENBLAS_CORETYPE=Haswell, or leave hosts of "
        + "another processor type out")
  }
  if threadsMatter {
    return .warning(
      what, "the same on all ranks, but they depend on the number of threads",
      hint: "keep the number of threads of each rank when a run continues (threads in the run file, or OMP_NUM_THREADS)")
  }
  return .ok(what, "the same on all ranks, and with 1 and 2 threads")
}
