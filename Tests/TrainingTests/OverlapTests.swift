// Gradients leave during the backward pass: whatever the network, when it is over no bucket waits for a gradient that will never come.

import Cluster
import Learning
import MPI
import Networks
import Tensors
import Testing

@Suite struct OverlapTests {
  @Test(arguments: networkCatalog.map { $0.name }) func everyBucketIsPostedByTheBackwardPass(name: String) throws {
    let network = try makeNetwork(name, NetworkPlan(inputChannels: 1, classes: 2, options: ["base": "8"], seed: 1))
    let average = LaneAverage(network.parameters, averager: ExactAverager.self)
    let averaging = try StepAveraging(over: .alone)
    averaging.begin([average], lanes: 1)
    // Two voxels on the coarsest level, which one voxel could not be normalised over.
    let side = max(32, network.divisor.max()!), voxels = 2 * side * side * side, tape = Tape()
    let image = Tensor((0..<voxels).map { Float($0 % 17) }, shape: [1, 2 * side, side, side, 1])
    let logits = network.logits(image, mode: .training(dropout: RandomKey(1)), on: tape)
    let loss = tape.diceLoss(tape.softmax(logits), labels: [UInt8](repeating: 1, count: voxels))
    averaging.beginBackward(of: tape)
    let before = averaging.posted
    tape.backward(from: [(loss, weight: 1)]) { averaging.markReady($0) }
    let buckets = BucketPlan(counts: network.parameters.parameters.map(\.shape.count)).buckets.count
    #expect(before < buckets && averaging.posted == buckets, "\(averaging.posted) of \(buckets) buckets")
  }
}
