// What holds for every network of the catalogue: work as published, sides that divide, first values that repeat, bad patches refused.

import Learning
import Networks
import Tensors
import Testing

@Suite struct CatalogTests {
  /// 10⁹ multiply-adds as the specifications print them. They count STU-Net's 1x1x1 convolutions after the upsampling, we do them
  /// before.
  @Test(arguments: [
    ("unet3d", [:], 2, [128, 128, 128], 144.57), ("vnet", [:], 2, [112, 112, 80], 40.1), ("vnet", [:], 14, [96, 96, 96], 35.5),
    ("stunet", ["variant": "S"], 105, [128, 128, 128], 129.4), ("stunet", ["variant": "B"], 2, [128, 128, 128], 497.0),
    ("stunet", ["variant": "L"], 2, [128, 128, 128], 3785.1), ("stunet", ["variant": "H"], 105, [128, 128, 128], 12593.4),
    ("plainconvunet", [:], 2, [128, 128, 128], 477.5),
  ])
  func workIsAsPublished(name: String, options: [String: String], classes: Int, patch: [Int], expected: Double) throws {
    let plan = NetworkPlan(inputChannels: 1, classes: classes, options: options, seed: 1)
    let specification = try network(named: name, for: plan).specification(plan)
    let early = specification.filter { $0.name.hasPrefix("upsample_layers") }.multiplyAdds(patch: patch)
    let work = specification.multiplyAdds(patch: patch) + 7 * early
    #expect(abs(work / 1e9 / expected - 1) < 1.5e-3, "\(work / 1e9)")
  }

  @Test(arguments: networkCatalog.map { $0.name }) func everyNetworkGivesLogitsOfTheImagesSize(name: String) throws {
    let plan = NetworkPlan(inputChannels: 2, classes: 3, options: ["base": "2"], seed: 4)
    let made = try makeNetwork(name, plan), again = try makeNetwork(name, plan)
    #expect(made.parameters.values.values == again.parameters.values.values)
    #expect(try network(named: name, for: plan).specification(plan).divisor == made.divisor)
    let size = [made.divisor[0], made.divisor[1], 2 * made.divisor[2]]
    let x = Tensor(
      (0..<2 * size.reduce(1, *)).map { Float(RandomKey(5).gaussian(UInt64($0))) }, shape: Shape([1] + size + [2]))
    let logits = made.logits(x, mode: .training(dropout: RandomKey(1)), on: Tape(recording: false))
    #expect(logits.shape.sizes == [1] + size + [3] && logits.values.allSatisfy(\.isFinite))
    #expect(patchProblem(size, divisor: made.divisor, network: name) == nil)
    #expect(patchProblem(made.divisor, divisor: made.divisor, network: name)?.contains("single voxel") == true)
    #expect(patchProblem(size.map { $0 + 1 }, divisor: made.divisor, network: name)?.contains("take") == true)
  }
}
