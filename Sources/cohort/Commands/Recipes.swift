// `cohort recipes`: ready run files, printed to standard output.

import ArgumentParser
import Training

struct Recipes: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List ready run files, or print one.")

  @Argument(help: "Name of a recipe.")
  var name: String?

  func run() throws {
    try saying {
      guard let name else { return recipes.forEach { print("\($0.name)  \($0.summary)") } }
      print(try recipe(named: name).yaml, terminator: "")
    }
  }
}
