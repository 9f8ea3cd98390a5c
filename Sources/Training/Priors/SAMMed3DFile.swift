// A SAM-Med3D from a checkpoint: its size is read off the arrays, which stay in the mapped file.

import Networks
import Tensors
import Weights

extension SAMMed3D {
  /// The network of a checkpoint (.pth or safetensors) with exactly the original's names and shapes, or `weights.` before them.
  ///
  /// Errors: no file of weights; not SAM-Med3D's.
  public convenience init(file path: String, padding: WindowPadding = .folded) throws {
    let file = try WeightFile(path), prefix = file.entries.contains { $0.name.hasPrefix("weights.") } ? "weights." : ""
    let weights = file.entries.filter { $0.name.hasPrefix(prefix) }
    let shapes = weights.map { (String($0.name.dropFirst(prefix.count)), $0.shape) }
    let plan: SAMMed3DPlan
    do { plan = try SAMMed3DPlan(shapes: Dictionary(uniqueKeysWithValues: shapes)) } catch {
      throw NetworkError("\(path): \(error)")
    }
    self.init(plan, parameters: try file.frozenParameters(Self.specification(plan), prefix: prefix).parameters, padding: padding)
  }
}
