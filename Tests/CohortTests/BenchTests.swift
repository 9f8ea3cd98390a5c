// `cohort bench step` on a tiny network: the facts that do not depend on the machine.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct BenchTests {
  let step = ["bench", "step", "--network", "unet3d", "--option", "base=2", "--patch", "16,16,32", "--threads", "1"]

  func json(_ arguments: [String]) throws -> [String: Any] {
    let (status, output) = try runAlone(step + arguments + ["--json"], executable: "cohort")
    try #require(status == 0, "\(output)")
    return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
  }

  /// 10⁹ operations of one sample: three passes of each convolution, but no gradient by the image.
  func gflop(base: Int, voxels: Int) -> Double {
    let width = (0..<5).map { base << $0 }
    func pass(_ inputs: Int, _ outputs: Int, level: Int, kernel: Int = 27) -> Int {
      2 * kernel * inputs * outputs * (voxels >> (3 * level))
    }
    var sum = pass(width[0], 2, level: 0, kernel: 1)
    for level in 0..<5 {
      sum += pass(level == 0 ? 1 : width[level - 1], width[level], level: level) + pass(width[level], width[level], level: level)
      if level < 4 {
        sum += pass(width[level] + width[level + 1], width[level], level: level) + pass(width[level], width[level], level: level)
      }
    }
    return Double(3 * sum - pass(1, width[0], level: 0)) / 1e9
  }

  @Test func aStepIsDescribedAndCounted() throws {
    let found = try json(["--steps", "2", "--warmup", "1", "--batch", "2"])
    #expect(found["network"] as? String == "unet3d" && found["options"] as? [String: String] == ["base": "2"])
    #expect(found["patch"] as? [Int] == [16, 16, 32] && found["batch"] as? Int == 2 && found["threads"] as? Int == 1)
    let expected = 2 * gflop(base: 2, voxels: 16 * 16 * 32), counted = try #require(found["gflop"] as? Double)
    #expect(abs(counted - expected) < 1e-9 * expected)
    let median = try #require(found["medianSeconds"] as? Double), least = try #require(found["minimumSeconds"] as? Double)
    #expect(least > 0 && median >= least && abs(found["gflopPerSecond"] as! Double - counted / median) < 1e-6 * counted / median)
    #expect(try #require(found["peakBytes"] as? Int) > 1 << 20)
    let loss = try #require(found["loss"] as? Double)
    #expect(loss > 0.3 && loss < 1.5, "labels are random")
    let machine = try #require(found["machine"] as? [String: Any]), rates = try #require(found["rates"] as? [String: Double])
    #expect((machine["oneDNN"] as? String)?.split(separator: ".").count == 3 && !(machine["processor"] as! String).isEmpty)
    #expect(rates["convolution"]! > 0 && rates["copy"]! > 0)
    #expect(found["profile"] == nil)
  }

  @Test func augmentationIsTimed() throws {
    let (status, output) = try runAlone(
      ["bench", "augment", "--patch", "8,10,12", "--channels", "2", "--crops", "20", "--threads", "1", "--json"],
      executable: "cohort")
    try #require(status == 0, "\(output)")
    let found = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    #expect(
      found["patch"] as? [Int] == [8, 10, 12] && found["enlarged"] as? [Int] == [14, 17, 16] && found["crops"] as? Int == 20)
    let parts = [found["millisecondsPerTurnedCrop"], found["millisecondsPerPlainCrop"]].compactMap { $0 as? Double }
    let mean = try #require(found["millisecondsPerCrop"] as? Double)
    #expect(parts.count == 2 && parts.min()! > 0 && parts.min()! <= mean && mean <= parts.max()!)
  }

  /// What a rehearsal estimates is what the step takes, but for working memory that kernels take on their threads.
  @Test(arguments: ["unet3d", "vnet", "stunet", "plainconvunet"]) func aRehearsalEstimatesTheMemory(network: String) throws {
    var taken: [String: Int] = [:], work: [[Double]] = []
    for memory in ["standard", "lean"] {
      let arguments = [
        "bench", "step", "--network", network, "--option", "base=8", "--patch", "64,64,64", "--threads", "2", "--steps", "1",
        "--warmup", "0", "--memory", memory, "--json",
      ]
      let (status, output) = try runAlone(arguments, executable: "cohort")
      try #require(status == 0, "\(output)")
      let found = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
      let estimated = try #require(found["estimatedBytes"] as? Int), bytes = try #require(found["bufferBytes"] as? Int)
      #expect(abs(Double(estimated) / Double(bytes) - 1) < 0.15, "\(memory): estimated \(estimated), taken \(bytes) bytes")
      taken[memory] = bytes
      work.append([found["loss"] as! Double, found["gflop"] as! Double])
    }
    #expect(work[0] == work[1], "lean memory does the same work")
    #expect(Double(taken["lean"]!) < 0.7 * Double(taken["standard"]!), "\(taken)")
  }

  @Test func theProfileAddsUpToTheStep() throws {
    let found = try json(["--steps", "1", "--warmup", "0", "--profile"])
    let profile = try #require(found["profile"] as? [String: [[String: Any]]])
    for rows in [profile["operations"]!, profile["shapes"]!] {
      func sum(_ key: String) -> Double { rows.reduce(0) { $0 + ($1[key] as! Double) } }
      #expect(abs(sum("share") - 1) < 1e-9)
      #expect(abs(sum("gflop") - (found["gflop"] as! Double)) < 1e-9)
      #expect(sum("seconds") <= found["minimumSeconds"] as! Double)
    }
    let names = Set(profile["operations"]!.map { "\($0["operation"]!) \($0["pass"]!)" })
    #expect(names.isSuperset(of: ["convolution forward", "convolution backward", "gradientDescent update"]))
    let text = try runAlone(step + ["--steps", "1", "--warmup", "0", "--profile"], executable: "cohort").output
    #expect(text.contains("GFLOP per step") && text.contains("convolution backward"))
  }

  @Test(arguments: [1, 2]) func coordinationIsTimedOnAnyNumberOfRanks(ranks: Int) throws {
    let (status, output) = try mpirun(
      ranks, ["bench", "coordination"] + step.dropFirst(2) + ["--steps", "2", "--lanes", "2", "--json"], executable: "cohort")
    try #require(status == 0, "\(output)")
    let found = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    #expect(found["ranks"] as? Int == ranks && found["lanes"] as? Int == 2 && found["reduction"] as? String == "exact")
    for key in ["plainSeconds", "coordinatedSeconds", "backwardSeconds", "samplesPerSecond", "processorShare"] {
      #expect(found[key] as! Double > 0, "\(key)")
    }
    let communication = found["communicationSeconds"] as! Double, exposed = found["exposedSeconds"] as! Double
    #expect(ranks == 1 ? communication == 0 : communication > 0 && exposed >= 0, "\(found)")
    for key in ["aloneSeconds", "speedUp", "plainSpeedUp"] {
      #expect(ranks == 1 ? found[key] == nil : found[key] as! Double > 0, "\(key)")
    }
    let refused = try runAlone(["bench", "coordination"] + step.dropFirst(2) + ["--reduction", "exakt"], executable: "cohort")
    #expect(refused.status == 3 && refused.output.contains("exact, fast"))
  }

  @Test(arguments: [("30,32,32", "30 is not divisible by 16"), ("16,16,16", "single voxel"), ("32,32", "3 whole numbers")])
  func aPatchThatDoesNotFitIsRefused(patch: String, reason: String) throws {
    let (status, output) = try runAlone(
      ["bench", "step", "--network", "unet3d", "--patch", patch, "--threads", "1"], executable: "cohort")
    #expect(status != 0 && output.contains(reason))
  }
}
