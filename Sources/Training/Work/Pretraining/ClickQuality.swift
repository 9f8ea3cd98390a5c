// Whether a SAM finds what it is asked for: Dice of its answers to clicks, on scenes that it was not trained on.

import Learning
import MPI
import Metrics
import Networks
import Tensors

/// Mean Dice of the answers to few and to more clicks.
public struct ClickQuality: Sendable, Equatable, CustomStringConvertible {
  /// How many clicks the answers are to.
  public static let clicks = [1, 3]

  public let scenes: Int
  /// For each number of clicks.
  public let dice: [Double]
  public var mean: Double { dice.reduce(0, +) / Double(dice.count) }

  /// Asks for one structure in each of `scenes` held-out scenes. Collective.
  public init(_ network: SAM, scenes: Int, seed: UInt64, over world: borrowing Communicator) throws {
    self.scenes = scenes
    dice = try heldOutMeans(Self.clicks.count, scenes: scenes, seed: seed, over: world) { key in
      let scene = try StitchedScene(key.child(0), canvas: network.plan.canvas), tape = Tape(recording: false)
      let embedding = network.embedding(scene.tensor, on: tape)
      return Self.clicks.map { count in
        let prompt = CanvasPrompt(scene, clicks: count, key.child(1))
        return prompt.dice(network.answer(to: prompt, embedding, on: tape).values)
      }
    }
  }

  public var description: String {
    zip(Self.clicks, dice).map { "Dice of \(counted($0, "click")) \($1.formatted(decimals: 4))" }.joined(separator: ", ")
      + " on \(scenes) held-out scenes"
  }
}

extension CanvasPrompt {
  /// Dice of the target and the pixels whose second logit of [S, S, 2] is the larger one; gaps do not count.
  fileprivate func dice(_ logits: [Float]) -> Double {
    let pixels = target.indices.filter { target[$0] < 2 }
    let prediction: [UInt8] = pixels.map { logits[2 * $0 + 1] > logits[2 * $0] ? 1 : 0 }
    // Both empty cannot be: what is asked for has pixels.
    return Metrics.dice(prediction: prediction, reference: pixels.map { target[$0] }, label: 1) ?? 0
  }
}
