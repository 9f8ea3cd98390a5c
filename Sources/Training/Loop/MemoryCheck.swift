// Whether a step fits into memory, found before the first one: the step is rehearsed with the method's own networks and losses on the patch
// of the run, and what its buffers would take is compared with what the host has left.

import Cluster
import Kernels
import Methods
import Preparation
import Tensors

extension Run {
  /// How the backward walk trades time for memory.
  var memory: TapeMemory { configuration.memory }

  /// - Parameter ranksOnHost: ranks that share the host's memory.
  func checkMemory(ranksOnHost: Int) throws {
    let patch = (0..<3).map { configuration.patch[$0] }
    let problem = try HostMemory.problem(patch: patch, isLean: memory == .lean, ranks: ranksOnHost) { isLean in
      try rehearsedBytes(isLean ? .lean : .standard)
    }
    if let problem { throw TrainingError("patch \(configuration.patch): \(problem)") }
  }

  /// Bytes that a lane's step takes at most beyond what is in use now; of the last step, when every term has its weight.
  func rehearsedBytes(_ memory: TapeMemory) throws -> Int {
    let batch = rehearsalBatch
    return try Rehearsal.peakBytes {
      let tape = Tape(memory: memory)
      let terms = try method.loss(
        batch, at: Step(index: configuration.steps - 1, total: configuration.steps, seed: configuration.seed), on: tape)
      tape.backward(from: terms.terms.map { ($0.scalar, weight: 1) })
    }
  }

  /// A batch of the shapes that the loader draws, with undefined voxels.
  private var rehearsalBatch: Batch {
    let patch = configuration.patch
    let shape = Shape([1, patch.depth, patch.height, patch.width, description.channelNames.count])
    func samples(_ views: ViewRequest, isLabelled: Bool) -> [Sample] {
      if views.isEmpty { return [] }
      func view(_ request: ViewRequest) -> Tensor? { views.contains(request) ? Tensor(uninitialized: shape) : nil }
      return [
        Sample(
          identifier: "rehearsal", draw: 0, clean: view(.clean), biased: view(.biased),
          label: isLabelled ? [UInt8](repeating: 0, count: shape.rows) : nil)
      ]
    }
    return Batch(
      labelled: samples(method.recipe.labelled, isLabelled: true),
      unlabelled: samples(method.recipe.unlabelled, isLabelled: false))
  }
}
