// `cohort choose`: which volumes to label before any is. All are registered with some of them on a coarse grid, each rank its share of the pairs, and
// those that are most like the others are chosen.

import Cluster
import Foundation
import MPI
import Registration
import Volumes

/// Volumes to label, and what each of them stands for.
public struct VolumeChoice: Sendable {
  /// A chosen volume.
  public struct Chosen: Sendable {
    public let volume: ChoiceVolume
    /// How many volumes it is the most similar chosen one of, itself among them.
    public let standsFor: Int
    /// Mean similarity of these others to it, 0...1; nil where it stands for itself alone.
    public let similarity: Double?
  }

  /// In the order of choice: the first of them is the choice of fewer.
  public let chosen: [Chosen]
  /// Every volume that could be compared, with the place in `chosen` of the one that stands for it and its similarity to that, 1 for itself.
  public let represented: [(volume: ChoiceVolume, by: Int, similarity: Double)]
  /// Volumes that could not be compared, a sentence each.
  public let failures: [CaseFailure]
  /// Of all volumes.
  public let count: Int

  /// With so many volumes or fewer every pair is compared; of more, so many volumes are candidates (and at least four for each that is wanted),
  /// which keeps the cost proportional to the number of volumes.
  private static let candidates = 32

  /// Compares the volumes of a data set and chooses. The same on any number of ranks. Collective.
  public init(_ source: ChoiceSource, number: Int, over world: borrowing Communicator, console: Console) throws {
    let volumes = source.volumes, coarse = CoarseVolumes(volumes)
    let (images, failures) = try coarse.images(of: source, over: world)
    let usable = volumes.indices.filter { images[$0] != nil }
    guard number <= usable.count else {
      throw TrainingError(
        "--number is \(number), but \(usable.count) of \(volumes.count) volumes can be compared: ask for fewer.")
    }
    let most = min(usable.count, max(Self.candidates, 4 * number)), candidates = (0..<most).map { $0 * usable.count / most }
    let similarity = try PairSimilarities(usable.map { images[$0]! }, candidates: candidates, at: coarse.millimetres)
      .measured(over: world, console: console)
    let medoids = Medoids(similarity: similarity, candidates: candidates, count: number)
    let column = Dictionary(uniqueKeysWithValues: candidates.enumerated().map { ($1, $0) })
    represented = usable.indices.map { item in
      let place = medoids.representatives[item]
      return (volumes[usable[item]], place, similarity[item][column[medoids.chosen[place]]!])
    }
    chosen = medoids.chosen.enumerated().map { place, item in
      let others = usable.indices.filter { $0 != item && medoids.representatives[$0] == place }
      let sum = others.reduce(0) { $0 + similarity[$1][column[item]!] }
      return Chosen(
        volume: volumes[usable[item]], standsFor: others.count + 1,
        similarity: others.isEmpty ? nil : sum / Double(others.count))
    }
    (self.failures, count) = (failures, volumes.count)
  }
}

/// Volumes on a grid that is coarse enough to compare many.
private struct CoarseVolumes {
  /// Of the largest volume: a pair takes some hundredths of a second.
  private static let voxels = 1 << 11
  /// Of the shortest side of the median volume, at least.
  private static let leastSide = 5.0

  private let volumes: [ChoiceVolume]
  let millimetres: Double

  init(_ volumes: [ChoiceVolume]) {
    self.volumes = volumes
    let sides = volumes.map { volume in (0..<3).map { Double(volume.extent[$0]) * volume.spacing[$0] }.min()! }.sorted()
    millimetres = min(
      Registration.millimetres(for: volumes.map { ($0.extent, $0.spacing) }, voxels: Self.voxels, most: .infinity),
      sides[sides.count / 2] / Self.leastSide)
  }

  /// The image of each volume on every rank, each of which reads its share; nil for those that cannot be compared. Collective.
  func images(
    of source: ChoiceSource, over world: borrowing Communicator
  ) throws -> (images: [RegistrationImage?], failures: [CaseFailure]) {
    struct Numbered: Codable {
      let number: Int
      let image: RegistrationImage
    }
    var own: [Numbered] = []
    let registration = Registration(millimetres: millimetres)
    let failures = try forEachCase(Array(volumes.enumerated()), over: world, detail: \.element.identifier) { number, volume in
      let image = try source.image(volume).averaged(to: millimetres)
      if let problem = registration.prepared(image).problem {
        throw TrainingError("\(volume.files[0]) cannot be compared, \(problem): leave it out, or mend it.")
      }
      own.append(Numbered(number: number, image: image))
    }
    var images = [RegistrationImage?](repeating: nil, count: volumes.count)
    for item in try gathered(own, over: world) { images[item.number] = item.image }
    return (images, failures)
  }
}
