// `cohort recipes`: ready run files, printed to standard output, and the keys that a run file may have.

import ArgumentParser
import Networks
import Training

struct Recipes: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List ready run files, print one, or explain the keys of run files.",
    usage:
      "cohort recipes [NAME]\ncohort recipes nnunet --plan PLAN [--configuration NAME] [--network NAME] [--data PACKS]\ncohort recipes keys [PATTERN] [--json | --markdown]",
    subcommands: [Show.self, Keys.self], defaultSubcommand: Show.self)

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List ready run files, or print one.")

    @Argument(help: "Name of a recipe.")
    var name: String?
    @Option(help: "For nnunet: a plan (plans.json), from which patch, batch, Dice, strides and kernels are taken.")
    var plan: String?
    @Option(help: "With --plan: which configuration of it, 3d_fullres, 3d_lowres or 2d.")
    var configuration = "3d_fullres"
    @Option(help: "With --plan: plainconvunet as planned, or stunet with the planned strides.")
    var network = PlainConvUNet.name
    @Option(help: "With --plan: packs that `cohort prepare --plan` made by it, which is checked.")
    var data: String?

    func validate() throws {
      guard plan == nil || name == "nnunet" else { throw ValidationError("--plan is for the recipe nnunet: name that one.") }
      guard plan != nil || data == nil else { throw ValidationError("--data needs --plan, by which the packs were made.") }
      guard PlannedStep.networks.contains(network) else {
        throw ValidationError("--network \(network): choose one of \(PlannedStep.networks.joined(separator: ", ")).")
      }
    }

    func run() throws {
      try reportingErrors {
        if let plan {
          print(try PlannedRecipe(plan: plan, configuration: configuration, network: network, data: data).text, terminator: "")
          return
        }
        guard let name else { return recipes.forEach { print("\($0.name)  \($0.summary)") } }
        print(try recipe(named: name).yaml, terminator: "")
      }
    }
  }

  struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the keys of a run file: default, allowed values, explanation.",
      discussion:
        "Options of methods and networks are further keys: see `cohort methods NAME` and `cohort network describe --network NAME`."
    )

    @Argument(help: "Part of the names or explanations to print.")
    var pattern: String?
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(help: "Print a page in Markdown of all keys and of the options of every method and network.")
    var markdown = false

    func validate() throws {
      guard !markdown || (pattern == nil && !json) else {
        throw ValidationError("--markdown prints the whole page: leave out PATTERN and --json.")
      }
    }

    func run() throws {
      try reportingErrors {
        if markdown { return print(keyPage, terminator: "") }
        try printSettings(RunKeys.all, matching: pattern, json: json, of: "a run file", command: "cohort recipes keys")
      }
    }
  }
}
