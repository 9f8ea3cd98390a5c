// A network that begins with the weights of a file: pretrained STU-Nets of both generations, nnU-Net's own, or an earlier run's export (uni-medical/STU-Net,
// run_finetuning.py and run_finetuning_stunet.py). Nothing is passed over in silence: a tensor that is missing or has another shape is an error.

import Kernels
import Methods
import Networks
import Tensors
import Weights

/// Which arrays of a file a network takes.
public enum StartingArrays: String, Sendable, CaseIterable {
  /// All but the heads, which differ with the classes and keep their first values.
  case body
  case all
}

/// A file of weights for the networks of a method.
struct StartingWeights {
  private let file: WeightFile
  private let arrays: StartingArrays
  /// What the names of heads begin with.
  private let heads: String

  /// - Parameter network: the kind of network.
  /// Errors: no file of weights.
  init(_ path: String, _ arrays: StartingArrays, network: any Network.Type) throws(TrainingError) {
    do { file = try WeightFile(path) } catch { throw TrainingError("network.weights: \(error)") }
    (self.arrays, heads) = (arrays, network.heads)
  }

  /// Loads every student of that kind.
  /// - Returns: what was loaded and what was not, for people.
  func load(into modules: [TrainedModule]) throws(TrainingError) -> String {
    var reports: [String] = []
    for module in modules where !module.parameters.parameters.allSatisfy({ file[$0.name] == nil }) {
      reports.append("\(module.name): \(try load(into: module))")
    }
    guard !reports.isEmpty else {
      throw TrainingError(
        "network.weights: \(file.path) has no array of the network: name weights of the same kind, `cohort weights inspect` lists its arrays."
      )
    }
    return reports.joined(separator: "; ")
  }

  private func load(into module: TrainedModule) throws(TrainingError) -> String {
    let parameters = module.parameters.parameters + (module.statistics?.buffers.parameters ?? [])
    let needed = parameters.map { (name: $0.name, shape: $0.shape.sizes) }
    let shapes = Dictionary(needed.map { ($0.name, $0.shape) }) { first, _ in first }
    let stored = file.entries.filter { !isFresh($0.name) }.map { entry in
      (name: entry.name, shape: shapes[entry.name].flatMap { isTiled(entry.shape, to: $0) ? $0 : nil } ?? entry.shape)
    }
    let report = LoadReport(
      path: file.path, needed: needed, stored: stored,
      allowing: LoadAllowance(reinitialised: isFresh, unexpected: { _ in true }))
    do {
      try report.check()
      let loaded = Set(report.loaded)
      for parameter in parameters where loaded.contains(parameter.name) {
        copy(try file.tensor(parameter.name), into: parameter.value)
      }
    } catch { throw TrainingError("network.weights: \(error)") }
    let fresh =
      report.reinitialised.isEmpty
      ? "" : ", \(report.reinitialised.count) begin anew (\(report.reinitialised.joined(separator: ", ")))"
    return "\(report.loaded.count) of \(needed.count) arrays loaded from \(file.path)\(fresh)"
  }

  private func isFresh(_ name: String) -> Bool { arrays == .body && name.hasPrefix(heads) }

  /// Whether a convolution of one input channel stands for one of several: pretrained on one channel, it is repeated, without division.
  private func isTiled(_ stored: [Int], to needed: [Int]) -> Bool {
    stored.count == 5 && needed.count == 5 && stored[1] == 1 && needed[1] > 1 && stored[0] == needed[0]
      && stored[2...] == needed[2...]
  }

  private func copy(_ source: Tensor, into target: Tensor) {
    let outputs = target.shape.sizes.first ?? 1, count = source.count / outputs, copies = target.count / source.count
    for output in 0..<outputs {
      for number in 0..<copies {
        copyFloats(source.pointer + output * count, into: target.pointer + (output * copies + number) * count, count: count)
      }
    }
  }
}

extension RunConfiguration {
  /// Loads network.weights into a method's students.
  /// - Returns: what was loaded; nil where no file is named.
  func startingWeights(of method: any Method, _ name: String, _ plan: NetworkPlan) throws -> String? {
    guard !self.networkWeights.isEmpty else { return nil }
    let kind = try network(named: name, for: plan)
    return try StartingWeights(self.networkWeights, self.startingArrays, network: kind).load(into: method.trained)
  }
}
