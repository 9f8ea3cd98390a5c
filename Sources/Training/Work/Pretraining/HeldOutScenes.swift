// Scores on scenes that are never trained on, shared out over the ranks.

import Cluster
import MPI
import Preparation
import Tensors

/// Means of `count` numbers over held-out scenes. Scene i is looked at by rank i mod R. Collective.
/// - Parameter numbers: of a scene's key.
func heldOutMeans(
  _ count: Int, scenes: Int, seed: UInt64, over world: borrowing Communicator, _ numbers: (RandomKey) throws -> [Double]
) throws -> [Double] {
  var all = [Double](repeating: 0, count: count * scenes)
  for number in 0..<scenes where number % world.size == world.rank {
    Flight.tick()
    let key = RandomKey(seed: seed, volume: "held-out scenes", draw: UInt64(number), stream: RandomStream.pretraining)
    all.replaceSubrange(count * number..<count * (number + 1), with: try numbers(key))
  }
  try world.allreduce(&all, .sum)
  return (0..<count).map { position in (0..<scenes).reduce(0) { $0 + all[count * $1 + position] } / Double(scenes) }
}
