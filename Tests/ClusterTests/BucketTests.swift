// Buckets: every float is reduced exactly once, last layers first, the first layers in a small bucket; and averages that are
// reduced while lanes are still being added end in the same bytes as those that are reduced at the end.

import Cluster
import Foundation
import TestSupport
import Testing

@Suite struct BucketTests {
  @Test(arguments: [
    [], [5], [1 << 18, 1], [100, 200, 300], [Int](repeating: 70_000, count: 100), [3_000_000, 10, 3_000_000, 10],
    (1...60).map { $0 * $0 * 100 },
  ])
  func bucketsCoverTheVectorBackwards(counts: [Int]) {
    let plan = BucketPlan(counts: counts)
    #expect(plan.buckets.reversed().flatMap(\.self).count == counts.reduce(0, +))
    for (later, earlier) in zip(plan.buckets, plan.buckets.dropFirst()) { #expect(earlier.upperBound == later.lowerBound) }
    #expect(plan.buckets.last?.lowerBound ?? 0 == 0 && plan.buckets.first?.upperBound ?? 0 == counts.reduce(0, +))
    for (bucket, arrays) in zip(plan.buckets, plan.arrays) {
      #expect(counts[arrays].reduce(0, +) == bucket.count && !arrays.isEmpty)
      #expect(bucket.count <= 1 << 20 || arrays.count == 1, "only an array that is larger by itself")
    }
    if let last = plan.buckets.last { #expect(last.count <= 1 << 18 || plan.arrays.last!.count == 1) }
  }

  @Test func neighboursShareABucket() {
    let plan = BucketPlan(counts: [Int](repeating: 70_000, count: 100))
    #expect(plan.arrays.first == 86..<100 && plan.buckets.count == 8 && plan.arrays.last!.count <= 3)
  }

  @Test func aShrunkenVectorIsCutInTheSameWay() {
    let counts = (1...60).map { $0 * $0 * 100 }, whole = BucketPlan(counts: counts)
    #expect(BucketPlan(counts: counts.map { $0 / 50 }, share: 0.02).arrays == whole.arrays && whole.buckets.count > 5)
  }

  @Test func averagesInFlightEndInTheSameBytes() throws {
    let folder = TemporaryFolder()
    var results: Set<Data> = []
    for (ranks, way) in [
      (1, "whole"), (1, "buckets"), (2, "buckets"), (3, "buckets"), (4, "buckets"), (8, "buckets"), (3, "whole"),
    ] {
      let path = folder.path + "/\(way)-\(ranks)"
      let run = try mpirun(ranks, ["average-in-flight", way, path])
      #expect(run.status == 0, "\(run.output)")
      results.insert(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    #expect(results.count == 1)
  }
}
