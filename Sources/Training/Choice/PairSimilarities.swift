// How alike volumes are, pair by pair, shared out over the ranks.

import Cluster
import Foundation
import MPI
import Registration

/// The pairs of volumes and candidates.
struct PairSimilarities {
  private let images: [PreparedImage]
  private let candidates: [Int]
  private let registration: Registration
  /// The volume, and the column of the candidate.
  private let pairs: [(item: Int, column: Int)]

  /// - Parameter candidates: the volumes among `images` that all are compared with.
  init(_ images: [RegistrationImage], candidates: [Int], at millimetres: Double) {
    let registration = Registration(millimetres: millimetres)
    (self.registration, self.candidates) = (registration, candidates)
    self.images = images.map(registration.prepared)
    pairs = images.indices.flatMap { item in candidates.indices.filter { candidates[$0] != item }.map { (item, $0) } }
  }

  /// How alike each candidate, deformed, and each volume are, the mean squared local correlation, 0...1; as what is labelled would be carried to it. Rows
  /// are volumes. Collective.
  func measured(over world: borrowing Communicator, console: Console) throws -> [[Double]] {
    // One slot for each pair; a rank fills those of its own, so the sum over ranks is exact.
    var values = [Double](repeating: 0, count: pairs.count)
    let own = Array(stride(from: world.rank, to: pairs.count, by: world.size)), started = ContinuousClock.now
    console.print(
      "\(images.count) volumes against \(candidates.count): \(pairs.count) registrations at "
        + "\(registration.millimetres.formatted(decimals: 2)) mm on \(counted(world.size, "rank"))")
    for (done, number) in own.enumerated() {
      let pair = pairs[number]
      Flight.mark(.preparation, detail: "pair \(number)")
      values[number] =
        registration.register(
          fixed: images[pair.item], moving: images[candidates[pair.column]]
        ).similarity
      let seconds = (ContinuousClock.now - started).seconds
      console.progress(
        "pair \(done + 1) of \(own.count) on each rank, \(clockTime(seconds / Double(done + 1) * Double(own.count - done - 1))) left",
        isLast: done + 1 == own.count)
    }
    Flight.mark(.preparation, detail: "similarities of all ranks")
    try world.allreduce(&values, .sum)
    var table = [[Double]](repeating: [Double](repeating: 1, count: candidates.count), count: images.count)
    for (pair, value) in zip(pairs, values) { table[pair.item][pair.column] = value }
    return table
  }
}
