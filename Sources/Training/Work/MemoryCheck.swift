// Whether a step fits into memory, found before the first one: the step is rehearsed with the stage's own networks and losses on a batch of the
// same shapes, and what its buffers would take is compared with what the host has left.

import Cluster
import Kernels
import Methods
import Preparation
import Tensors

extension Run {
  /// - Parameter ranksOnHost: the ranks that share the host's memory.
  package func checkMemory(of stage: Stage, ranksOnHost: Int) throws {
    let patch = (0..<3).map { stage.configuration.patch[$0] }
    // An image of one channel or more and a label of each sample that the settings ask for.
    let samples = stage.configuration.labelledSamples + stage.configuration.unlabelledSamples
    let problem = try HostMemory.problem(
      patch: patch, sampleBytes: samples * (MemoryLayout<Float>.stride + MemoryLayout<UInt8>.stride),
      isLean: stage.configuration.memory == .lean, ranks: ranksOnHost
    ) { isLean in
      guard let batch = try stage.work.rehearsalBatch(at: stage.last) else { return 0 }
      return try rehearsedBytes(batch, isLean ? .lean : .standard)
    }
    if let problem { throw TrainingError("patch \(stage.configuration.patch): \(problem)") }
  }
}

extension Stage {
  /// The last step, in which every loss term has its weight.
  fileprivate var last: Step { Step(index: steps - 1, total: steps, seed: configuration.seed) }
}

/// The bytes that a lane's step takes at most beyond what is in use now.
package func rehearsedBytes(_ batch: LaneBatch, _ memory: TapeMemory) throws -> Int {
  try Rehearsal.peakBytes {
    let tape = Tape(memory: memory), terms = try batch.loss(tape)
    tape.backward(from: terms.terms.map { ($0.scalar, weight: 1) })
  }
}
