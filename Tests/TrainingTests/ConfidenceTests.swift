// The scheduler of SFR+: the measure of confidence, thresholds over the rounds, the guard against a student that sees nothing, whose turn it
// is, and what of it is written down.

import Foundation
import Tensors
import TestSupport
import Testing
import Training

@Suite struct ConfidenceTests {
  private func schedule(_ settings: String) throws -> ConfidenceSchedule {
    ConfidenceSchedule(
      try RunConfiguration(
        yaml: "data: d\noutput: o\nsteps: 1\nlanes: 1\npatch: [16, 16, 16]\nmethod: mean-teacher\nconfidence: {\(settings)}\n",
        source: "test"))
  }

  private func volume(_ confidence: Double, foreground: Double = 0.1, agreement: Double = 0.5) -> VolumeConfidence {
    VolumeConfidence("case \(confidence)", confidence: confidence, foreground: foreground, agreement: agreement)
  }

  /// Logits (2, 0), (0, 0), (-3, 3): (σ(2) + ½ + σ(6)) / 3.
  @Test func confidenceIsTheMeanOfTheLargestProbabilities() {
    let p = Tape(recording: false).softmax(Tensor([2, 0, 0, 0, -3, 3], shape: [1, 1, 1, 3, 2])).values
    let labels = PseudoLabelVolume(probabilities: p, classes: 2).labels
    let found = VolumeConfidence("a", probabilities: p, classes: 2, labels: labels, sam: [0, 1, 1])
    #expect(abs(found.confidence - 0.792774818) < 1e-7)
    #expect(labels == [0, 0, 1] && abs(found.foreground - 1.0 / 3) < 1e-12 && abs(found.agreement - 2.0 / 3) < 1e-12)
    #expect(!found.isConfident)
    // Classes that neither has do not count.
    let none = VolumeConfidence("a", probabilities: p, classes: 2, labels: [0, 0, 0], sam: [0, 0, 0])
    #expect(none.agreement == 0 && none.foreground == 0)
  }

  @Test(arguments: [
    ("schedule: constant, threshold: 0.9", [0.9, 0.9, 0.9]),
    ("schedule: ramp, start: 0.95, threshold: 0.985, rounds: 5", [0.95, 0.957, 0.985]),
    ("schedule: quantile, share: 0.3", [0.7, 0.7, 0.7]),
  ]) func thresholdsFollowTheirSchedule(settings: String, expected: [Double]) throws {
    let schedule = try schedule(settings), confidences = (0..<10).map { Double($0) / 10 }.reversed()
    for (round, threshold) in zip([1, 2, 50], expected) {
      #expect(abs(schedule.threshold(round: round, confidences.shuffled()) - threshold) < 1e-12, "round \(round)")
    }
  }

  @Test func theMostConfidentShareTeaches() throws {
    let volumes = [0.5, 0.9, 0.7, 0.9, 0.2].map { volume($0) }
    func confident(_ share: Double) throws -> [Bool] {
      try schedule("schedule: quantile, share: \(share)").partition(volumes, round: 1).map(\.isConfident)
    }
    #expect(try confident(0.19) == [false, false, false, false, false])
    #expect(try confident(0.2) == [false, true, false, true, false], "equal ones are on one side")
    #expect(try confident(0.6) == [false, true, true, true, false])
    #expect(try confident(1) == [true, true, true, true, true])
  }

  /// A collapsed student that calls everything background is sure of it.
  @Test(arguments: ["schedule: constant, threshold: 0.5", "schedule: quantile, share: 1", "schedule: ramp, start: 0"])
  func aVolumeWithoutForegroundNeverTeaches(settings: String) throws {
    let schedule = try schedule(settings), found = schedule.partition([volume(0.9999, foreground: 0), volume(0.9999)], round: 1)
    #expect(found.map(\.isConfident) == [false, true])
    let strict = try self.schedule(settings + ", minimumAgreement: 0.6")
    #expect(strict.partition([volume(0.9999), volume(0.9999, agreement: 0.6)], round: 1).map(\.isConfident) == [false, true])
  }

  /// The labels of a volume are kept before the threshold is known: of every one that it can let through.
  @Test(arguments: [
    "schedule: constant, threshold: 0.6", "schedule: ramp, start: 0.2, threshold: 0.8, rounds: 3",
    "schedule: ramp, start: 0.8, threshold: 0.2, rounds: 3", "schedule: quantile, share: 0.4",
  ]) func whatTeachesWasKept(settings: String) throws {
    let schedule = try schedule(settings + ", minimumAgreement: 0.3")
    let volumes = (0..<40).map { number in
      let foreground = number % 7 == 0 ? 0.0 : 0.2, agreement = Double(number % 5) / 5
      return volume(Double(number) / 40, foreground: foreground, agreement: agreement)
    }
    var taught = 0
    for round in 1...6 {
      for volume in schedule.partition(volumes, round: round) where volume.isConfident {
        #expect(schedule.mayPass(volume))
        taught += 1
      }
    }
    #expect(taught > 0 && !volumes.allSatisfy(schedule.mayPass))
  }

  /// A threshold that puts all volumes on one side is named with the confidences that it met.
  @Test func aThresholdThatPartsNothingIsWarnedOf() throws {
    let constant = try schedule("threshold: 0.6"), quantile = try schedule("schedule: quantile, share: 1")
    func sides(_ schedule: ConfidenceSchedule, _ rounds: [[Double]]) -> [String?] {
      var check = SideCheck(schedule)
      return rounds.enumerated().map { number, confidences in
        let volumes = schedule.partition(confidences.map { volume($0) }, round: number + 1)
        defer { check.remember(volumes) }
        return check.warning(volumes, isLastRound: number == rounds.count - 1)
      }
    }
    #expect(sides(constant, [[0.5, 0.7], [0.7, 0.8], [0.9, 0.9]]) == [nil, nil, nil])
    let sure = sides(constant, [[0.7, 0.8], [0.5, 0.8], [0.7, 0.8]])
    #expect(sure[0]?.contains("no volume is uncertain") == true && sure[1...].allSatisfy { $0 == nil })
    #expect(sure[0]?.contains("0.7000 to 0.8000, confidence.threshold is 0.6000; raise it") == true, "\(sure)")
    let unsure = sides(constant, [[0.1], [0.2]])
    #expect(unsure[0] == nil && unsure[1]?.contains("no volume was confident") == true)
    #expect(unsure[1]?.contains("0.2000 to 0.2000, confidence.threshold is 0.6000; lower it") == true, "\(unsure)")
    #expect(sides(quantile, [[0.3, 0.4]])[0]?.contains("confidence.share is 1.0000; lower it") == true)
  }

  @Test func studentAndSAMTakeTurns() {
    let turns = Turns(reTrain: 3, fineTune: 2), decisions = (0..<15).map(turns.decision)
    #expect(decisions == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5])
    #expect((0..<15).filter(turns.isSAMs) == [3, 4, 8, 9, 13, 14])
    #expect((0...5).map(turns.round(ofDecision:)) == [0, 1, 1, 2, 2, 3])
  }

  // MARK: What is written

  @Test func aDecisionComesBackFromItsText() throws {
    let decision = RoundDecision(
      round: 3, labels: "abc",
      volumes: [volume(1.0 / 3), VolumeConfidence("b", confidence: 0.1 + 0.2, foreground: 1e-9, agreement: 0, isConfident: true)])
    let text = try decision.text
    #expect(try RoundDecision(text: text) == decision && !text.contains("\n"))
    #expect(try RoundDecision(text: text).text == text)
    for bad in ["", "{}", text.replacing("\"version\":1", with: "\"version\":2"), String(text.dropLast(3))] {
      let error = #expect(throws: TrainingError.self) { try RoundDecision(text: bad) }
      #expect(error?.description.contains("start a new run") == true, "\(bad)")
    }
  }

  private func write(_ round: Int, _ confidences: [Double], threshold: Double = 0.5, to folder: String) throws {
    let volumes = confidences.enumerated().map { number, confidence in
      VolumeConfidence(
        ["a", "b, or \"c\"", "d"][number], confidence: confidence, foreground: 0.25, agreement: 0.5,
        isConfident: confidence >= threshold)
    }
    try ConfidenceFile.write(RoundDecision(round: round, labels: "x", volumes: volumes), threshold: threshold, run: folder)
  }

  @Test func aRoundThatIsDecidedAgainReplacesWhatFollowed() throws {
    try withTemporaryFolder { folder in
      try write(1, [0.1, 0.6, 0.9], to: folder)
      let first = try ConfidenceFile.read(run: folder)
      #expect(
        first.map(\.number) == [1] && first[0].threshold == 0.5 && first[0].volumes.map(\.isConfident) == [false, true, true])
      #expect(
        first[0].volumes.map(\.identifier) == ["a", "b, or \"c\"", "d"] && first[0].volumes.map(\.confidence) == [0.1, 0.6, 0.9])
      try write(2, [0.2, 0.2, 0.2], to: folder)
      try write(3, [0.3, 0.3, 0.3], threshold: .infinity, to: folder)
      #expect(try ConfidenceFile.read(run: folder).map(\.threshold) == [0.5, 0.5, nil])
      try write(2, [0.7, 0.2, 0.2], to: folder)
      let again = try ConfidenceFile.read(run: folder)
      #expect(again.map(\.number) == [1, 2] && again[0] == first[0] && again[1].volumes[0].confidence == 0.7)
      try write(10, [0.4, 0.4, 0.4], to: folder)
      #expect(try ConfidenceFile.read(run: folder).map(\.number) == [1, 2, 10], "numbers, not texts, are compared")
    }
  }

  @Test func thePageShowsTheRounds() throws {
    try withTemporaryFolder { folder in
      try write(1, [0.1, 0.6, 0.9], to: folder)
      try write(2, [0.7, 0.6, 0.9], threshold: 0.65, to: folder)
      for name in ["c.html", "c.svg"] {
        for _ in 1...2 {
          let (status, output) = try runAlone(
            ["report", "confidence", "--run", folder, "--output", folder + "/" + name], executable: "cohort")
          #expect(status == 0 && output.contains("2 rounds of 3 volumes"), "\(output)")
        }
        let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
        #expect(text.contains("round 1: threshold 0.5") && text.contains("round 2: threshold 0.65"))
        #expect(text.contains("b, or &quot;c&quot;") && text.contains("agreement"))
      }
    }
  }

  @Test func runsWithoutRoundsAndDamagedFilesAreOneSentence() throws {
    try withTemporaryFolder { folder in
      func expectSentence(_ hint: String, output: String = "c.svg") throws {
        let (status, text) = try runAlone(
          ["report", "confidence", "--run", folder, "--output", folder + "/" + output], executable: "cohort")
        #expect(status == 3 && text.contains(hint) && text.hasPrefix("cohort: "), "\(text)")
        #expect(text.split(separator: "\n").count == 1 && !FileManager.default.fileExists(atPath: folder + "/c.svg"))
      }
      try expectSentence("work: sfr-plus")
      try write(1, [0.1, 0.6, 0.9], to: folder)
      let path = folder + "/confidence.csv", text = try String(contentsOfFile: path, encoding: .utf8)
      for (damage, hint) in [
        (String(text.dropLast(6)), "line 4 of \(path)"), (text.replacing("0.600000", with: "nan"), "line 3"),
        (text.replacing("round,", with: "rund,"), "does not begin"), (String(text.prefix { $0 != "\n" }), "holds no round"),
        ("", "does not begin"),
      ] {
        try damage.write(toFile: path, atomically: true, encoding: .utf8)
        try expectSentence(hint)
      }
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      try expectSentence("c.png", output: "c.png")
      try "mine".write(toFile: folder + "/mine.svg", atomically: true, encoding: .utf8)
      try expectSentence("mine.svg is in the way", output: "mine.svg")
    }
  }
}
