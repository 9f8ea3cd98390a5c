// `cohort methods`: the semi-supervised methods, and the options of one.

import ArgumentParser
import Methods
import Settings

struct Methods: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the training methods, or explain one with its options.",
    discussion: "Options are keys of the run file below `method`.")

  @Argument(help: "Name of a method.")
  var name: String?
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    try reportingErrors {
      let rows = methodCatalog.map { CatalogRow($0.name, $0.summary, $0.options, prefix: "method.") }
      guard let name else {
        return try CatalogRow.print(rows, json: json, hint: "`cohort methods NAME` explains a method's options.")
      }
      guard let row = rows.first(where: { $0.name == name }) else {
        let nearest = nearestName(to: name, among: rows.map(\.name)) ?? ""
        throw MethodError("there is no method \"\(name)\": did you mean \"\(nearest)\"?")
      }
      if json { try printJSON(row) } else { print(row.text, terminator: "") }
    }
  }
}
