// Methods compared: what a choice of methods means, the paired interval on numbers whose answer is known, and the command as a user types it, stopped and
// started again.

import Comparison
import Foundation
import TestSupport
import Testing
import Training

@Suite(.serialized) struct ComparisonTests {
  private func study(_ methods: [String], overrides: [String] = []) throws -> MethodStudy {
    try MethodStudy(
      data: "packs", dataHash: "", output: "out", methods: methods.map { try MethodChoice($0) }, labels: [1], seeds: [4],
      overrides: overrides, subject: .validation)
  }

  @Test func aMethodMayCarryKeysAndPseudoLabels() throws {
    let study = try study(["supervised:method.sobf=paper:steps=7+registration"], overrides: ["steps=5", "patch=[16,16,32]"])
    let file = study.runFile(of: study.runs[0])
    for line in [
      "method: supervised", "method.sobf: paper", "steps: 7", "pseudoLabels: registration", "labelled.seed: 4",
      "validation.fold: 0",
    ] {
      #expect(file.contains(line + "\n"), "\(line): \(file)")
    }
    #expect(!file.contains("steps: 5"))
    let read = try study.configuration(of: study.runs[0])
    #expect(read.steps == 7 && read.patch.width == 32)
    for wrong in ["", "+registration", "a:b", "a+b+c", "a+"] {
      #expect { try MethodChoice(wrong) } throws: { "\($0)".contains("is no method") }
    }
    #expect { try self.study(["supervised", "supervised"]) } throws: { "\($0)".contains("each once") }
  }

  /// Every set and case gains 0.1: the interval is a point. A gain that one of two sets has and the other lacks gives one from 0 to it.
  @Test func intervalsArePairedOverSetsAndCases() throws {
    func result(_ method: String, _ seed: UInt64, _ dice: [Double]) -> MethodResult {
      MethodResult(
        method: method, labels: 1, seed: seed, subject: .test, dataHash: "", steps: 1, classes: ["one"],
        cases: dice.indices.map { "case \($0)" },
        dice: dice.map { [$0] }, coreSeconds: 1800)
    }
    let base = [result("supervised", 1, [0.2, 0.9]), result("supervised", 2, [0.5, 0.1])]
    let all = try #require(pairedDifference([result("m", 1, [0.3, 1.0]), result("m", 2, [0.6, 0.2])], base))
    #expect(abs(all.value - 0.1) < 1e-12 && abs(all.low - 0.1) < 1e-12 && abs(all.high - 0.1) < 1e-12)
    let half = try #require(pairedDifference([result("m", 2, [0.5, 0.1]), result("m", 1, [0.4, 1.1])], base))
    #expect(abs(half.value - 0.1) < 1e-12 && abs(half.low) < 1e-12 && abs(half.high - 0.2) < 1e-12)
    #expect(pairedDifference([result("m", 3, [1])], base) == nil)
    let row = try #require(MethodRow(base, against: nil))
    let deviation = try #require(row.deviation)
    #expect(abs(row.mean - 0.425) < 1e-12 && abs(deviation - 0.125 * 2.0.squareRoot()) < 1e-12 && row.coreHours == 0.5)
  }

  @Test func everyPublishedNumberIsOne() {
    for group in publishedResults {
      #expect(group.dice.allSatisfy { (10...100).contains(Double($0.text) ?? 0) && !$0.method.isEmpty }, "\(group.facts)")
    }
  }

  @Test func aComparisonGoesOnWhereItStopped() throws {
    try withTemporaryFolder { folder in
      _ = try runAlone(
        ["synthesize", "--output", folder + "/raw", "--subjects", "8", "--labelled", "3", "--spacing", "6"], executable: "cohort")
      func compare(_ methods: String, _ more: [String] = [], ranks: Int = 1) throws -> (Int32, String) {
        let arguments =
          [
            "compare-methods", folder + "/raw", "--output", folder + "/out", "--methods", methods, "--labels", "1", "--seeds",
            "1,2", "--patch", "32,32,32",
          ]
          + ["network.base=1"] + more
        return ranks == 1
          ? try runAlone(arguments, timeout: 170, executable: "cohort")
          : try mpirun(ranks, arguments, timeout: 170, executable: "cohort")
      }
      let first = try compare("supervised,ict", ["--steps", "2", "batch.unlabelled=1"])
      // The second method mixes pairs, which it is not given.
      #expect(first.0 == 78 && first.1.contains("2 runs failed"), "\(first)")
      #expect(try compare("supervised", ["--steps", "3", "batch.unlabelled=1"]).1.contains("other settings (steps)"))
      let again = try compare("supervised,mean-teacher", ["--steps", "2", "batch.unlabelled=1"], ranks: 2)
      #expect(again.0 == 0 && again.1.contains("[4/4]") && !again.1.contains("[1/4]"), "\(again)")
      let table = try String(contentsOfFile: folder + "/out/methods.markdown", encoding: .utf8)
      #expect(table.contains("| 1 | mean-teacher | 2 | 2 |") && table.contains("test cases") && !table.contains("are missing"))
      let scores = try String(contentsOfFile: folder + "/out/scores.csv", encoding: .utf8)
      #expect(scores.split(separator: "\n").count == 1 + 2 * 2 * 2)
      #expect(try String(contentsOfFile: folder + "/out/methods.html", encoding: .utf8).contains("<svg"))
    }
  }
}
