// A run that had come to its end and is given more steps. Its last stage goes on at the step where it was, as a stage of the new length: learning rates
// and ramps go by the new number of steps from there on. So a polynomial schedule, which had fallen to 0, rises again, and only where nothing goes by
// that number is the result the one of a run that was as long from the start.

extension RunConfiguration {
  /// The settings that differ from those of a saved run, without the steps that its end allows.
  /// - Parameter step: of the run, at which it was saved.
  /// - Returns: the keys, and the steps that the last stage is given besides.
  func changes(since saved: RunConfiguration, at step: Int) -> (keys: [String], addedSteps: Int) {
    let keys = changes(since: saved), lengths = stages.map(\.configuration.steps),
      before = saved.stages.map(\.configuration.steps)
    let isLonger = lengths.count == before.count && lengths.dropLast() == before.dropLast() && lengths.last! > before.last!
    guard isLonger, step == before.reduce(0, +) else { return (keys, 0) }
    let others = keys.filter { $0 != "steps" && !($0.hasPrefix("stages.") && $0.hasSuffix(".steps")) }
    return (others, lengths.last! - before.last!)
  }
}
