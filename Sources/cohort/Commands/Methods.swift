// `cohort methods`: the semi-supervised methods and their options.

import ArgumentParser
import Methods

struct Methods: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print the training methods and their options.")

  @Flag(help: "Print JSON.")
  var json = false

  struct Row: Encodable {
    struct Option: Encodable { let name, standard, meaning: String }
    let name, summary: String
    let options: [Option]
  }

  func run() throws {
    let rows = methodCatalog.map { method in
      Row(
        name: method.name, summary: method.summary,
        options: method.options.map { .init(name: $0.name, standard: $0.standard.text, meaning: $0.meaning) })
    }
    if json { return try printJSON(rows) }
    for row in rows {
      print("\(row.name)  \(row.summary)")
      for option in row.options { print("    method.\(option.name): \(option.standard)  \(option.meaning)") }
    }
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
