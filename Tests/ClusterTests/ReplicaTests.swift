// Noticing that ranks differ: hashes see every bit, the minority is named, and a planned fault is read or refused.

import Cluster
import TestSupport
import Testing

@Suite struct ReplicaTests {
  private func hash(_ values: [Float]) -> UInt64 {
    var hash = StateHash()
    values.withUnsafeBufferPointer { hash.add($0) }
    return hash.value
  }

  @Test func everyFlippedBitChangesTheHash() {
    let values = (0..<37).map { Float($0) * 0.37 }, whole = hash(values)
    var found: Set<UInt64> = [whole]
    for index in values.indices {
      for bit in 0..<32 {
        var changed = values
        changed[index] = Float(bitPattern: changed[index].bitPattern ^ (1 << UInt32(bit)))
        found.insert(hash(changed))
      }
    }
    #expect(found.count == 1 + 37 * 32 && hash(values) == whole)
    #expect(hash(values.enumerated().map { $0 % 8 == 1 && $0 < 10 ? -$1 : $1 }) != whole, "two changed signs do not cancel")
    #expect(hash([0, -0.0]) != hash([0, 0]) && hash([1, 2]) != hash([2, 1]))
  }

  @Test(arguments: [
    ([7], []), ([7, 7, 7], []), ([7, 8, 7], [1]), ([7, 8], [0, 1]), ([7, 7, 8, 9], [2, 3]), ([7, 7, 8, 8], [0, 1, 2, 3]),
  ])
  func theMinorityIsNamed(hashes: [UInt64], ranks: [Int]) { #expect(dissentingRanks(hashes) == ranks) }

  @Test func aRankThatPlansDifferentlyIsNamed() throws {
    for ranks in 2...4 {
      let run = try mpirun(ranks, ["plans"])
      #expect(run.status == 0, "\(run.output)")
    }
  }

  @Test func faultsAreReadOrRefused() throws {
    let fault = try Fault("flip:rank=1,step=7")
    #expect(fault.kind == .flip && fault.rank == 1 && fault.step == 7)
    for text in ["", "flip", "flip:", "flip:rank=1", "flip:rank=1,step=x", "flop:rank=1,step=7"] {
      #expect(throws: ClusterError.self, "\(text)") { try Fault(text) }
    }
  }
}
