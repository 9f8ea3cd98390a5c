// `cohort recipes`: ready run files, printed to standard output, and the keys that a run file may have.

import ArgumentParser
import Training

struct Recipes: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List ready run files, print one, or explain the keys of run files.",
    usage: "cohort recipes [NAME]\ncohort recipes keys [PATTERN] [--json]",
    subcommands: [Show.self, Keys.self], defaultSubcommand: Show.self)

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List ready run files, or print one.")

    @Argument(help: "Name of a recipe.")
    var name: String?

    func run() throws {
      try reportingErrors {
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

    func run() throws {
      try reportingErrors {
        try printSettings(RunKeys.all, matching: pattern, json: json, of: "a run file", command: "cohort recipes keys")
      }
    }
  }
}
