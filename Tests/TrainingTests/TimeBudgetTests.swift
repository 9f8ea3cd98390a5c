// The time budget with a made-up clock: when it is up, what it learns, how it is written.

import Testing

import Training

@Suite struct TimeBudgetTests {
  /// A clock that tests move.
  private final class Clock { var time = 1000.0 }

  @Test func aBudgetWithoutAnEndIsNeverUp() {
    let clock = Clock()
    var budget = TimeBudget(now: { clock.time })
    clock.time += 1e9
    let isUp = budget.isUp()
    #expect(!isUp)
    #expect(budget.remaining == nil)
  }

  /// A run of steps of 2 seconds that saves in 3 and validates in 10 every fifth step: the save that follows the decision is done
  /// before the end, with at least twice its own time to spare when it begins.
  @Test(arguments: [60.0, 100, 101, 103, 107, 250]) func stopsInTimeForASaveOfTwiceTheLength(end: Double) {
    let clock = Clock()
    var budget = TimeBudget(until: 1000 + end, now: { clock.time })
    for step in 1... {
      clock.time += 2
      let isUp = budget.isUp()
      if step % 5 == 0 {
        clock.time += 10
        budget.record(.validation, seconds: 10)
      }
      if isUp { break }
      if step % 2 == 0 {
        clock.time += 3
        budget.record(.save, seconds: 3)
      }
    }
    let left = 1000 + end - clock.time
    #expect(left >= 2 * 3 + TimeBudget.exitSeconds, "\(left) s left")
    #expect(left <= 45, "\(left) s left")
  }

  @Test func longerSavesNeedALargerMargin() {
    var budget = TimeBudget(until: 0, now: { 0 })
    let before = budget.margin
    budget.record(.save, seconds: 20)
    #expect(budget.margin >= before + 40)
    budget.record(.save, seconds: 5)
    #expect(budget.margin >= before + 40)
  }

  @Test func theEndOfASlurmJobIsRead() throws {
    #expect(TimeBudget(seconds: nil, environment: [:]).remaining == nil)
    #expect(try #require(TimeBudget(seconds: nil, environment: ["SLURM_JOB_END_TIME": "1000"]).remaining) < 0)
    let given = try #require(TimeBudget(seconds: 50, environment: ["SLURM_JOB_END_TIME": "1000"]).remaining)
    #expect((40...50).contains(given))
  }

  @Test(arguments: [
    ("5400", 5400.0), ("3h50m", 13800), ("90s", 90), ("1d", 86400), ("2h", 7200), ("1.5", 1.5), ("1d2h3m4s", 93784),
  ])
  func timesAreRead(_ text: String, _ seconds: Double) { #expect(TimeBudget.seconds(text) == seconds) }

  @Test(arguments: ["", "0", "-3", "3x", "h", "50m3h", "nan", "inf", "1h 2m"])
  func invalidTimesAreRefused(_ text: String) { #expect(TimeBudget.seconds(text) == nil) }
}
