// What the program says of its commands and their arguments, for tests of help texts and of pages.

import Foundation
import TestSupport
import Testing

struct ProgramHelp: Decodable {
  struct Command: Decodable {
    let commandName: String
    let abstract: String?
    let arguments: [Argument]?
    let subcommands: [Command]?

    /// The command that the first of some words name below this one, and the words behind.
    func below(_ words: [Substring]) -> (command: Command, rest: [Substring]) {
      guard let next = words.first.flatMap({ word in subcommands?.first { $0.commandName == word } }) else {
        return (self, words)
      }
      return next.below(Array(words.dropFirst()))
    }

    /// Names of options with their hyphens, and those of its subcommands, of which one may go without its name.
    var options: Set<String> {
      let own = (arguments ?? []).flatMap { $0.names ?? [] }.map { ($0.kind == "short" ? "-" : "--") + $0.name }
      return (subcommands ?? []).reduce(into: Set(own)) { $0.formUnion($1.options) }
    }
  }
  struct Argument: Decodable {
    struct Name: Decodable {
      let kind: String
      let name: String
    }
    let abstract: String?
    let names: [Name]?
    let valueName: String?
  }
  let command: Command

  /// The whole program.
  static func read() throws -> Command {
    let (status, output) = try runAlone(["--experimental-dump-help"], executable: "cohort")
    try #require(status == 0, "\(output)")
    return try JSONDecoder().decode(Self.self, from: Data(output.utf8)).command
  }
}
