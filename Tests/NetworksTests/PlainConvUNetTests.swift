// nnU-Net's default network against the independent double-precision golden of `AnalyticGolden`, and its published sizes.

import Learning
import Networks
import Tensors
import Testing

@Suite struct PlainConvUNetTests {
  @Test func everyHeadEqualsTheIndependentGolden() throws {
    let options = ["widths": "3,5,7,9", "kernels": "1,3,3;3,3,3;3,3,3;3,3,3", "strides": "1,2,2;2,2,2;2,2,2"]
    let network = try makeNetwork("plainconvunet", NetworkPlan(inputChannels: 2, classes: 2, options: options, seed: 1))
    #expect(network.parameters.parameters.count == 68 && network.parameters.count == 14_737)
    fillByFormula(network.parameters)
    let logits = network.allLogits(imageByFormula([8, 24, 32], channels: 2), mode: .evaluation, on: Tape(recording: false))
    let heads = [
      HeadGolden(
        size: [8, 24, 32], sums: [1281.560595771, 1056.726482264], squares: 638.981219323, ends: [0.219875161938, 0.146725904577]),
      HeadGolden(size: [8, 12, 16], sums: [538.164286854, 11.879765676], squares: 487.649916694, ends: nil),
      HeadGolden(size: [4, 6, 8], sums: [85.606806914, -60.981628519], squares: 87.363977037, ends: nil),
    ]
    #expect(logits.count == 3)
    for (head, golden) in zip(logits, heads) { #expect(golden.disagreement(head) < 1e-4, "\(golden.size)") }
  }

  @Test(arguments: [
    (2, [:], 31_195_594), (3, [:], 31_196_399),
    (
      2,
      [
        "strides": "1,2,2;2,2,2;2,2,2;2,2,2;1,2,2", "kernels": "1,3,3;3,3,3;3,3,3;3,3,3;3,3,3;3,3,3",
      ], 30_703_000
    ),
  ])
  func parameterCounts(classes: Int, options: [String: String], count: Int) throws {
    let found = try PlainConvUNet.specification(NetworkPlan(inputChannels: 1, classes: classes, options: options, seed: 1))
    // The last row is published to three decimals of a million.
    #expect(count % 1000 == 0 ? abs(found.parameterCount - count) <= 500 : found.parameterCount == count)
  }

  @Test(arguments: [
    ("kernels", "3,3,3"), ("kernels", "2,2,2;2,2,2;2,2,2;2,2,2;2,2,2;2,2,2"), ("widths", "8,16"), ("most", "none"),
  ])
  func errorsOfBadOptionsHaveAHint(name: String, value: String) {
    #expect {
      try makeNetwork("plainconvunet", NetworkPlan(inputChannels: 1, classes: 2, options: [name: value], seed: 1))
    } throws: {
      ($0 as? NetworkError)?.description.contains("\(name) is \"\(value)\" but must be") == true
    }
  }
}
