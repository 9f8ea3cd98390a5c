// What a network learns about the cubes of crops (MagicNet: DeepMed-Lab-ECNU/MagicNet, code/train_main.py): cubes keep their place while crops exchange them,
// and a cube by itself must tell where it was. Axes: B crops, D H W voxels of a crop, d h w of a cube, N cubes of a crop, C channels, K classes.

import Kernels
import Learning
import Tensors

/// A network that sees whole crops, and cubes by themselves.
package protocol CubeNetwork {
  /// The features before the head. Shapes: images [B, D, H, W, C]; result [B, D, H, W, c].
  func embedded(_ images: Tensor, on tape: Tape) -> Tensor
  /// The head. Shapes: [B, D, H, W, c]; result [B, D, H, W, K].
  func classified(_ embedding: Tensor, on tape: Tape) -> Tensor
  /// What the encoder makes of the cubes [N, d, h, w, C] of a crop.
  func encoded(_ cubes: Tensor, on tape: Tape) -> [Tensor]
  /// Logits of the place of each cube. Shape: [N, 1, 1, 1, N].
  func located(_ levels: [Tensor], on tape: Tape) -> Tensor
  /// The features before the head. Shape: [N, d, h, w, c].
  func embeddedCubes(_ levels: [Tensor], on tape: Tape) -> Tensor
}

/// How cubes that were decoded by themselves are put together.
package enum CubeOrder: String, CaseIterable {
  /// Each where it was.
  case inPlace
  /// As the published program does it: first and last axis exchanged.
  case released
}

/// Crops cut into cubes, in one step.
package struct CubeReasoning {
  let grid: CubeGrid
  private let order: CubeOrder

  package init(grid: CubeGrid, order: CubeOrder) { (self.grid, self.order) = (grid, order) }

  /// For each cube of each of some crops the crop from which it comes, B·N: at each place a permutation of the crops.
  func partition(of crops: Int, key: RandomKey) -> [Int] {
    let permutations = (0..<grid.cubes).map { cube in
      (0..<crops).sorted { key.child(UInt64(cube)).hash(UInt64($0)) < key.child(UInt64(cube)).hash(UInt64($1)) }
    }
    return (0..<crops * grid.cubes).map { permutations[$0 % grid.cubes][$0 / grid.cubes] }
  }

  /// Logits of crops whose features were made while their cubes stood in other crops.
  /// - Shape: images [B, D, H, W, C]; result [B, D, H, W, K].
  package func mixedLogits(_ network: some CubeNetwork, _ images: Tensor, partition: [Int], on tape: Tape) -> Tensor {
    let sources = partition.enumerated().map { $1 * grid.cubes + $0 % grid.cubes }
    var back = sources
    for (place, source) in sources.enumerated() { back[source] = place }
    let quiet = Tape(recording: false)
    let embedding = network.embedded(quiet.tiled(quiet.gathered(quiet.cut(images, grid), sources), grid), on: tape)
    return network.classified(tape.tiled(tape.gathered(tape.cut(embedding, grid), back), grid), on: tape)
  }

  /// Logits of a crop whose cubes were decoded by themselves, [1, D, H, W, K].
  package func logitsOfCubes(_ network: some CubeNetwork, _ levels: [Tensor], on tape: Tape) -> Tensor {
    let cubes = network.embeddedCubes(levels, on: tape)
    let ordered = order == .inPlace ? cubes : tape.gathered(cubes, (0..<grid.cubes).map(exchanged))
    return network.classified(tape.tiled(ordered, grid), on: tape)
  }

  /// The number of a cube as the location head tells it: along D it rises by 1, along W by count².
  private func exchanged(_ cube: Int) -> Int {
    let place = grid.position(cube)
    return place[0] + grid.count * (place[1] + grid.count * place[2])
  }

  /// The cubes of a crop, encoded. Shape: image [1, D, H, W, C].
  package func encoded(_ network: some CubeNetwork, _ image: Tensor, on tape: Tape) -> [Tensor] {
    network.encoded(Tape(recording: false).cut(image, grid), on: tape)
  }

  /// Cross entropy of the places of the cubes of a crop.
  private func placeLoss(_ network: some CubeNetwork, _ levels: [Tensor], on tape: Tape) -> Scalar {
    let logits = tape.reshaped(network.located(levels, on: tape), [1, grid.cubes, 1, 1, grid.cubes])
    return tape.crossEntropy(logits, probabilities: tape.softmax(logits), labels: (0..<grid.cubes).map { UInt8(exchanged($0)) })
  }

  /// The terms of a step: on labels cross entropy and Dice of whole crops, of mixed ones and of cubes; the places of cubes; and Dice of mixed unlabelled crops
  /// against pseudo-labels.
  /// - Parameters:
  ///   - images: [1, D, H, W, C] each, the labelled ones first.
  ///   - partition: see `mixedLogits`.
  ///   - weight: of the last term.
  /// - Returns: the terms, and the logits of whole crops, [1, D, H, W, K] each.
  package func terms(
    _ network: some CubeNetwork, images: [Tensor], labels: [[UInt8]], pseudoLabels: [[UInt8]], partition: [Int], weight: Double,
    on tape: Tape
  ) -> (terms: [LossTerm], logits: [Tensor]) {
    let all = Tape(recording: false).stacked(images), known = labels.count
    let whole = tape.unstacked(network.classified(network.embedded(all, on: tape), on: tape))
    let mixed = tape.unstacked(mixedLogits(network, all, partition: partition, on: tape))
    let levels = images.map { encoded(network, $0, on: tape) }
    let cubes = levels[..<known].map { logitsOfCubes(network, $0, on: tape) }
    func dice(_ logits: some Sequence<Tensor>, _ labels: [[UInt8]]) -> Scalar {
      let p = tape.stacked(logits.map { tape.softmax($0) })
      return tape.diceLoss(p, labels: Array(labels.joined()), epsilon: 1e-10, wholeBatch: true)
    }
    let crossEntropies = zip(whole, labels).map { logits, labels in
      let loss = tape.crossEntropy(logits, probabilities: tape.softmax(logits), labels: labels)
      return LossTerm("crossEntropy", loss, weight: 0.25 / Double(known))
    }
    let places = levels.map { LossTerm("place", placeLoss(network, $0, on: tape), weight: 0.1 / Double(images.count)) }
    let terms =
      [
        LossTerm("dice", dice(whole[..<known], labels), weight: 0.25),
        LossTerm("mixedDice", dice(mixed[..<known], labels), weight: 0.25),
        LossTerm("cubeDice", dice(cubes, labels), weight: 0.25),
        LossTerm("consistency", dice(mixed[known...], pseudoLabels), weight: weight),
      ] + crossEntropies + places
    return (terms, whole)
  }
}
