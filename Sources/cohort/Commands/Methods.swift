// `cohort methods`: the semi-supervised methods and their options.

import ArgumentParser
import Methods

struct Methods: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print the training methods and their options.")

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let rows = methodCatalog.map { method in
      CatalogRow(
        name: method.name, summary: method.summary,
        options: method.options.map { .init(name: $0.name, standard: $0.standard.text, meaning: $0.meaning) })
    }
    try CatalogRow.print(rows, json: json, prefix: "method.", separator: ": ")
  }
}

extension MethodOption.Value {
  fileprivate var text: String {
    switch self {
    case .number(let number): "\(number)"
    case .choice(let standard, let all): "\(standard) (of \(all.joined(separator: ", ")))"
    }
  }
}
