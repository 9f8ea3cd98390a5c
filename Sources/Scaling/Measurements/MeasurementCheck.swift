// What a line of measurements.jsonl must be before a report counts with it: numbers that a measurement can have.

extension Measurement {
  /// Whether all numbers are ones that a measurement can have: counts within those that a study may ask for, times finite and positive.
  var isPossible: Bool {
    func isTime(_ seconds: Double) -> Bool { 1e-12...1e9 ~= seconds }
    func isPart(_ seconds: Double) -> Bool { abs(seconds) < 1e9 }
    let counts =
      1...1_000_000 ~= point.nodes && 1...1_000_000_000 ~= point.ranks && 0...1_000_000_000_000_000 ~= point.lanes
      && (point.lanes > 0) == (point.kind != .allreduce) && 1...1_000_000 ~= point.repetition
    let isWhole = point.kind == .allreduce ? run.allreduce.map { !$0.rows.isEmpty } ?? false : !run.steps.isEmpty
    let steps = run.steps.allSatisfy { isTime($0.wall) && [$0.compute, $0.wait, $0.exposed, $0.input].allSatisfy(isPart) }
    let bytes = 0...1 << 50 ~= run.averagedBytes && 1...1_000_000_000 ~= run.buckets
    return counts && isWhole && steps && bytes && 1e-3...1e6 ~= dilation && seconds >= 0 && seconds < 1e9
      && run.backwardSeconds.map { $0 >= 0 && $0 < 1e9 } ?? true && run.allreduce.map(\.isPossible) ?? true
  }
}

extension AllreduceResult {
  fileprivate var isPossible: Bool {
    1...1_000_000_000 ~= ranks && 1e-18...1 ~= addSecondsPerByte
      && rows.allSatisfy { row in
        1...1 << 40 ~= row.bytes && !row.seconds.isEmpty
          && (row.seconds + [row.minimum, row.mean, row.maximum]).allSatisfy { 1e-12...1e9 ~= $0 }
      }
  }
}
