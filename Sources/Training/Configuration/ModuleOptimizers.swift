// From settings to optimisers: how the run file wants each trained module to be optimised.

import Cluster
import Learning
import Methods
import Settings

extension RunConfiguration {
  /// Optimisers and averages for trained modules, as the run file sets them for all or for one of them.
  func updates(of modules: [TrainedModule]) throws -> [ModuleUpdate] {
    for name in moduleOptions.keys.sorted() where !modules.contains(where: { $0.name == name }) {
      let names = modules.map(\.name)
      let hint = nearestName(to: name, among: names).map { ": did you mean \"\($0)\"?" } ?? "."
      throw TrainingError("modules.\(name): nothing of that name is trained, only \(names.joined(separator: ", "))\(hint)")
    }
    let averager = try averager(named: self.reduction)
    return try modules.map { ModuleUpdate($0, try optimizerChoice(of: $0.name), averager: averager) }
  }

  private func optimizerChoice(of module: String) throws -> OptimizerChoice {
    let options = moduleOptions[module]
    func value<Value>(_ key: KeyPath<RunKeys, Setting<Value>>) -> Value {
      let setting = RunKeys.table[keyPath: key]
      if let options, options.isGiven(setting) { return options[setting] }
      return self[dynamicMember: key]
    }
    let schedule = try Schedule(
      named: value(\.scheduleName),
      ScheduleSettings(
        power: value(\.decayPower), stepSize: value(\.stepSize), gamma: value(\.gamma), minimum: value(\.minimum),
        warmUp: value(\.warmUp), epochSteps: value(\.epochSteps)))
    let optimizer = try optimizer(named: value(\.optimizerName))
    return OptimizerChoice(
      optimizer,
      OptimizerSettings(
        momentum: value(\.momentum), nesterov: value(\.nesterov), weightDecay: value(\.weightDecay), beta1: value(\.beta1),
        beta2: value(\.beta2), epsilon: value(\.epsilon)),
      learningRate: LearningRate(value(\.learningRate) ?? optimizer.usualLearningRate, schedule), clipNorm: value(\.clipNorm))
  }

  /// The labelled cases that are held out.
  var validation: ValidationChoice {
    self.validationFold.map { .fold($0) } ?? .named(self.validationCases)
  }

  /// The labelled cases to train on.
  var labelledChoice: LabelledChoice {
    self.labelledCount > 0 ? .drawn(self.labelledCount, seed: self.labelledSeed) : self.labelled
  }
}
