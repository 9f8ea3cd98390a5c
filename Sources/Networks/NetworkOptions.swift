// Options of networks as run files and command lines give them: texts by name, checked and read here.

extension Network {
  /// The text of an option, or its default, after checking that all options are known.
  static func textOption(_ name: String, in plan: NetworkPlan) throws(NetworkError) -> String {
    for key in plan.options.keys where !options.contains(where: { $0.name == key }) {
      throw NetworkError(
        "network \(Self.name) has no option \"\(key)\": it knows \(options.map(\.name).joined(separator: ", ")).")
    }
    return plan.options[name] ?? options.first { $0.name == name }!.standard
  }

  /// A positive whole number.
  static func integerOption(_ name: String, in plan: NetworkPlan) throws(NetworkError) -> Int {
    let text = try textOption(name, in: plan)
    guard let value = Int(text), value > 0 else {
      throw NetworkError("network \(Self.name): option \(name)=\(text) must be a positive whole number.")
    }
    return value
  }

  /// One of the raw values of `Choice`.
  static func choiceOption<Choice: RawRepresentable & CaseIterable>(
    _ name: String, _ type: Choice.Type, in plan: NetworkPlan
  ) throws(NetworkError) -> Choice where Choice.RawValue == String {
    let text = try textOption(name, in: plan)
    guard let value = Choice(rawValue: text) else {
      throw NetworkError(
        "network \(Self.name): option \(name)=\(text) must be \(Choice.allCases.map(\.rawValue).joined(separator: " or ")).")
    }
    return value
  }

  /// As many positive whole numbers as `count` says, between commas; nil where the option is empty.
  static func optionalIntegers(_ name: String, count: Int, in plan: NetworkPlan) throws(NetworkError) -> [Int]? {
    let text = try textOption(name, in: plan)
    guard !text.isEmpty else { return nil }
    guard let values = positiveIntegers(text), values.count == count else {
      let wanted = count == 1 ? "a positive whole number" : "\(count) positive whole numbers with commas between them"
      throw NetworkError("network \(Self.name): option \(name)=\(text) must be \(wanted).")
    }
    return values
  }

  /// Triples D,H,W of positive whole numbers, with semicolons between them.
  static func triplesOption(_ name: String, in plan: NetworkPlan) throws(NetworkError) -> [[Int]] {
    let text = try textOption(name, in: plan)
    let triples = text.split(separator: ";", omittingEmptySubsequences: false).map { positiveIntegers(String($0)) }
    guard triples.allSatisfy({ $0?.count == 3 }) else {
      throw NetworkError(
        "network \(Self.name): option \(name)=\(text) must be triples like 1,2,2;2,2,2 of positive whole numbers.")
    }
    return triples.map { $0! }
  }

  private static func positiveIntegers(_ text: String) -> [Int]? {
    let values = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    return values.allSatisfy { $0 ?? 0 > 0 } ? values.map { $0! } : nil
  }
}
