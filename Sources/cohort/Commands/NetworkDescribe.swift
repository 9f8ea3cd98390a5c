// `cohort network describe`: names, shapes, sizes and work of a network, without making it.

import ArgumentParser
import Learning
import Networks
import Settings

extension NetworkCommand {
  struct Describe: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Print a network's parameters, its options, the sides its patches must divide by, and the work of a forward pass.",
      discussion: "Options are keys of a run file below `network`, and --option key=value here.")

    @OptionGroup var choice: NetworkChoice
    @Option(help: "Number of classes, background included.")
    var classes = 2
    @Option(help: "Channels of the image.")
    var channels = 1
    @Option(help: "Patch D,H,W in voxels, to count the multiply-adds of a forward pass (all heads).")
    var patch: String?
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws { _ = try patch.map(patchSides) }

    func run() throws {
      try reportingErrors {
        let plan = try choice.plan(channels: channels, classes: classes)
        let type = try network(named: choice.network, for: plan)
        let facts = try NetworkFacts(type, try type.specification(plan), patch: try patch.map(patchSides))
        json ? try printJSON(facts) : facts.print()
      }
    }
  }
}

/// What a network consists of.
private struct NetworkFacts: Encodable {
  struct Array: Encodable {
    let name: String
    let shape: [Int]
  }
  let network: String
  let summary: String
  let options: SettingList
  let parameters: [Array]
  let parameterCount: Int
  /// D, H, W.
  let divisor: [Int]
  let patch: [Int]?
  /// 10⁹ multiply-adds of a forward pass on the patch.
  let gigaMultiplyAdds: Double?

  init(_ type: any Network.Type, _ specification: [ParameterSpecification], patch: [Int]?) throws {
    (network, summary, options) = (type.name, type.summary, SettingList(type.options))
    parameters = specification.map { Array(name: $0.name, shape: $0.shape.sizes) }
    parameterCount = specification.parameterCount
    divisor = specification.divisor
    self.patch = patch
    if let patch, let problem = patchProblem(patch, divisor: divisor, network: type.name) {
      throw NetworkError("--patch: \(problem)")
    }
    gigaMultiplyAdds = patch.map { specification.multiplyAdds(patch: $0) / 1e9 }
  }

  func print() {
    for parameter in parameters { Swift.print("\(parameter.name)  \(parameter.shape)") }
    Swift.print("\n\(options.text)\n\(network)  \(summary)")
    Swift.print("\(network): \(parameterCount) parameters in \(parameters.count) arrays")
    Swift.print("sides of a patch divide by \(divisor.map(String.init).joined(separator: ", "))")
    guard let patch, let gigaMultiplyAdds else { return }
    let work = (gigaMultiplyAdds * 100).rounded() / 100
    Swift.print("\(work) GMAC for a forward pass on \(patch.map(String.init).joined(separator: "x"))")
  }
}
