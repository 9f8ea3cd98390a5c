// Dice and cross entropy of a batch against nnU-Net v2.8.1 (axes of the file: batch class z y x), in one lane and shared out over several.

import Foundation
import Learning
import Methods
import Tensors
import TestSupport
import Testing

/// One case of the golden file.
private struct PublishedLoss {
  let value: Double
  /// Of each sample, [1, D, H, W, K].
  let logits, gradient: [Tensor]
  let labels: [[UInt8]]
  let loss: BatchLoss

  init(_ name: String) throws {
    let file = golden("nnunet_training.safetensors", beside: #filePath.replacing("MethodsTests", with: "LearningTests"))
    let tensors = try loadSafetensors(file), texts = try loadSafetensorsTexts(file)
    value = try #require(Double(texts[name + ".loss"] ?? ""))
    let shape = tensors[name + ".logits"]!.shape, classes = shape[1], voxels = shape[2...].reduce(1, *)
    func samples(_ key: String) -> [Tensor] {
      let values = tensors["\(name).\(key)"]!.floats
      return (0..<shape[0]).map { sample in
        Tensor(
          (0..<voxels * classes).map { values[(sample * classes + $0 % classes) * voxels + $0 / classes] },
          shape: Shape([1] + shape[2...] + [classes]))
      }
    }
    (logits, gradient) = (samples("logits"), samples("gradient"))
    if let regions = tensors[name + ".target"]?.floats {
      // A label is the set of the regions that a voxel is part of.
      labels = (0..<shape[0]).map { sample in
        (0..<voxels).map { voxel in
          (0..<classes).reduce(0) { $0 | (regions[(sample * classes + $1) * voxels + voxel] > 0 ? 1 << UInt8($1) : 0) }
        }
      }
      let table = (0..<classes).map { region in (0..<1 << classes).filter { $0 >> region & 1 == 1 } }
      loss = BatchLoss(targets: LabelTargets(regions: table, labels: 1 << classes), dice: .batch)
    } else {
      let all = tensors[name + ".labels"]!.floats.map { UInt8($0) }
      labels = (0..<shape[0]).map { Array(all[$0 * voxels..<($0 + 1) * voxels]) }
      // The label to leave out is that behind the last class.
      #expect(texts[name + ".ignore"] == "null" || texts[name + ".ignore"] == "\(classes)")
      loss = BatchLoss(targets: LabelTargets(classes: classes), dice: texts[name + ".batch_dice"] == "true" ? .batch : .sample)
    }
  }

  func head(_ samples: Range<Int>, on tape: Tape) -> HeadScores {
    HeadScores(logits: samples.map { tape.variable(logits[$0]) }, labels: Array(labels[samples]))
  }
}

@Suite struct BatchLossTests {
  static let names = ["sample_dice", "batch_dice", "ignored", "ignored_batch", "regions"]

  @Test(arguments: names) func lossAndGradientAreNNUNets(name: String) throws {
    let published = try PublishedLoss(name), tape = Tape(), head = published.head(0..<published.logits.count, on: tape)
    let terms = LossTerms(published.loss.terms(head, weight: 1, on: tape))
    #expect(abs(terms.total / published.value - 1) < 2e-5)
    tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
    for (logits, expected) in zip(head.logits, published.gradient) {
      #expect(relativeNorm(tape.gradient(of: logits)!.values, expected.values) < 2e-5)
    }
  }

  /// Two regions and a label to ignore: nnU-Net's `DC_and_BCE_loss` then adds up the regions' cross entropies.
  @Test func regionsWithIgnoredVoxelsAreNNUNets() {
    let tape = Tape(),
      logits = tape.variable(
        Tensor([2, 1, -1, 0, 0.5, -1.5, 3, 2, -2, 0.25, 1, -3], shape: [1, 1, 1, 6, 2]))
    let loss = BatchLoss(targets: LabelTargets(regions: [[1, 2], [2]], labels: 3), dice: .sample, addsRegions: true)
    let terms = LossTerms(loss.terms(HeadScores(logits: [logits], labels: [[0, 1, 2, 3, 2, 3]]), weight: 1, on: tape))
    #expect(abs(terms.total - 2.1873395) < 1e-5)
    tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
    let expected: [Float] = [
      0.2246341, 0.1920269, -0.2146553, 0.1367773, -0.1325030, -0.2348822, 0, 0, -0.2372293, -0.1597708, 0, 0,
    ]
    #expect(relativeNorm(tape.gradient(of: logits)!.values, expected) < 2e-5)
  }

  /// Each sample on a lane of its own: the lanes' losses and gradients, averaged, are those of the whole batch.
  @Test(arguments: names) func lanesMakeUpTheBatch(name: String) throws {
    let published = try PublishedLoss(name), lanes = published.logits.count, tapes = (0..<lanes).map { _ in Tape() }
    let heads = tapes.enumerated().map { published.head($0..<$0 + 1, on: $1) }
    let rows = heads.map { published.loss.sums($0).values }
    let sums = OverlapSums(rows[0].indices.map { column in rows.reduce(0) { $0 + $1[column] } })
    var total = 0.0
    for lane in 0..<lanes {
      let terms = LossTerms(published.loss.terms(heads[lane], weight: 1, sums: sums, lanes: lanes, on: tapes[lane]))
      total += terms.total / Double(lanes)
      tapes[lane].backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
      let gradient = tapes[lane].gradient(of: heads[lane].logits[0])!.values.map { $0 / Float(lanes) }
      #expect(relativeNorm(gradient, published.gradient[lane].values) < 2e-5, "lane \(lane)")
    }
    #expect(abs(total / published.value - 1) < 2e-5)
  }

  @Test func whatIsLeftOutEverywhereGivesNothing() {
    let tape = Tape(), logits = tape.variable(Tensor([1, 2, 3, 4], shape: [1, 1, 1, 2, 2]))
    let loss = BatchLoss(targets: LabelTargets(classes: 2), dice: .batch)
    let terms = loss.terms(HeadScores(logits: [logits], labels: [[255, 2]]), weight: 1, on: tape)
    tape.backward(from: terms.map { ($0.scalar, weight: $0.weight) })
    #expect(tape.gradient(of: logits)!.values == [0, 0, 0, 0] && terms.allSatisfy { $0.scalar.value.isFinite })
  }
}
