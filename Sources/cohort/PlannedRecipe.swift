// The run file of nnU-Net's training by a plan: the recipe, with patch, batch, Dice and network as planned.

import Files
import Networks
import Planning
import Preparation
import Training
import Volumes

struct PlannedRecipe {
  /// YAML.
  let text: String

  /// - Parameters:
  ///   - path: of the plan.
  ///   - network: that is trained with the planned strides.
  ///   - data: packs that were prepared by the plan; nil leaves the recipe's name.
  /// Errors: no such configuration, a plan of another network, packs that were prepared otherwise.
  init(plan path: String, configuration name: String, network: String, data: String?) throws {
    let plan = try Plan(file: path), planned = try plan.chosen(name, path), isPlain = network == PlainConvUNet.name
    if isPlain, let foreign = planned.foreignNetwork {
      throw PreparationError(
        "\(path): \(name) \(foreign), and that is not here: take --network stunet, or plan the data set again.")
    }
    if let data { try Self.requirePrepared(data, by: plan.preparation(name, of: path), path, name) }
    let options = planned.networkOptions(forPlain: isPlain).sorted { $0.key < $1.key }.map { "  \($0.key): \"\($0.value)\"" }
    let values: [String: String?] = [
      "data": data, "patch": "[\(planned.volumePatch.map(String.init).joined(separator: ", "))]",
      "lanes": String(planned.batchSize), "  dice": planned.batchDice ? "batch" : "sample",
      "  name: plainconvunet": ([network] + options).joined(separator: "\n"),
    ]
    let lines = try recipe(named: "nnunet").yaml.split(separator: "\n", omittingEmptySubsequences: false)
    text = (["# \(lastName(of: path)), \(name)"] + lines.map { Self.replaced(String($0), values.compactMapValues { $0 }) })
      .joined(separator: "\n")
  }

  /// A line of the recipe, with the value that is given for its beginning.
  private static func replaced(_ line: String, _ values: [String: String]) -> String {
    guard let key = values.keys.first(where: { line == $0 || line.hasPrefix($0 + ":") || line.hasPrefix($0 + " ") }) else {
      return line
    }
    let name = key.contains(":") ? String(key.prefix { $0 != ":" }) : key
    return "\(name): \(values[key]!)"
  }

  private static func requirePrepared(
    _ data: String, by settings: PreparationSettings, _ path: String, _ name: String
  ) throws {
    guard try PackIndex(folder: data).preparation != settings.text else { return }
    throw PreparationError(
      "\(data) was not prepared by \(name) of \(path): prepare it with --plan and --configuration, or give the plan that it was prepared by."
    )
  }
}
