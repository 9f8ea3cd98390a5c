// Items that stand for all others.

import Registration
import Testing

@Suite struct MedoidsTests {
  /// Places on a line; similarity falls with their distance.
  private func medoids(_ places: [Double], candidates: [Int]? = nil, count: Int) -> Medoids {
    let candidates = candidates ?? Array(places.indices)
    return Medoids(
      similarity: places.map { place in candidates.map { 1 - abs(place - places[$0]) / 10 } }, candidates: candidates,
      count: count)
  }

  @Test func theMiddleFirstThenOneOfEachGroup() {
    let places = [0, 0.1, 0.2, 5, 5.1, 5.2, 5.3, 5.4]
    #expect(medoids(places, count: 1).chosen == [4], "nearest to all, the larger group's")
    let two = medoids(places, count: 2)
    #expect(two.chosen == [4, 1])
    #expect(two.representatives == [1, 1, 1, 0, 0, 0, 0, 0])
  }

  @Test func outliersComeLast() {
    let places = [0, 0.1, 0.2, 0.3, 0.4, 9, 4, 4.1, 4.2, 4.3, 4.4]
    let chosen = medoids(places, count: 3).chosen
    #expect(chosen.prefix(2) == [6, 2], "the middle of all, then that of the group without one")
    #expect(chosen[2] == 5, "it stands for itself")
  }

  @Test func onlyCandidatesAreChosen() {
    let found = medoids([0, 1, 2, 3, 4], candidates: [0, 4], count: 5)
    #expect(found.chosen == [0, 4], "the earlier of equals, and no more than there are")
    #expect(found.representatives == [0, 0, 0, 1, 1])
  }

  @Test func aChosenItemStandsForItself() {
    #expect(medoids([1, 1, 1], count: 2).representatives == [0, 1, 0])
  }
}
