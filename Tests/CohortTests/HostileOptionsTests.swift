// Numbers that nobody means, in every option of every command: the program ends soon with 0, 3 or 64 and a few lines. The program itself is asked
// for its commands and options, so that new ones are tried without a change here. The suite tries some values of each option;
// COHORT_HOSTILE=all, as Tests/checks/hostile-options.sh sets it, tries all.

import Foundation
import Scaling
import TestSupport
import Testing

@Suite(.serialized) struct HostileOptionsTests {
  /// A command as ArgumentParser describes it.
  private struct Command: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable {
        let kind, name: String
        var word: String { (kind == "short" ? "-" : "--") + name }
      }
      let kind: String
      let names: [Name]?
      let valueName: String?
      let isOptional: Bool
    }
    let commandName: String
    let arguments: [Argument]?
    let subcommands: [Command]?
  }
  private struct Dump: Decodable { let command: Command }

  /// Values of options that name files, and of those that a command must have, so that it goes on to the one that is tried.
  private func words(_ command: String, in folder: String) -> [String: String] {
    var words = [
      "--network": "unet3d", "--option": "base=2", "--patch": "16,16,32", "--threads": "1", "--steps": "1", "--warmup": "0",
      "--repeats": "1",
      "--bytes": "1MB", "--folder": folder, "--sizes": "8", "--subjects": "4", "--labelled": "1", "--spacing": "4", "-n": "1",
      "--output": "\(folder)/out-\(UUID().uuidString)", "--lanes": "1", "--predictions": folder,
    ]
    for name in ["weights", "input", "checkpoint", "references", "images", "data", "hostfile", "template", "labels"] {
      words["--" + name] = folder + "/none"
    }
    if command == "scale measure" { words["--compute"] = "replay:\(folder)/lanes.json" }
    if command == "prepare" { words["--spacing"] = nil }
    if command == "evaluate" { words["--spacing"] = "mm" }
    return words
  }

  /// Options whose values are names or places, not numbers.
  private static let names: Set<String> = [
    "--network", "--folder", "--output", "--weights", "--input", "--checkpoint", "--references", "--images", "--predictions",
    "--data", "--dataset",
    "--hostfile", "--template", "--labels", "--run-folder", "--cases", "--compute", "--reduction", "--backend", "--memory",
    "--padding", "--layer",
    "--kind", "--preset", "--weighting", "--empty",
  ]

  private func check(_ arguments: [String]) throws {
    let (status, output) = try runAlone(arguments, timeout: 120, executable: "cohort")
    let lines = output.split(separator: "\n"), marks = ["Fatal error", "crashed", "Backtrace", "libgomp", "mpirun"]
    #expect(
      [0, 3, 64].contains(status) && !marks.contains(where: output.contains), "\(arguments): \(status) \(output.prefix(2000))")
    #expect(status == 0 || lines.count <= 8 && output.count < 2500, "\(arguments): \(output.prefix(2000))")
  }

  @Test func everyOptionOfEveryCommand() throws {
    let isWhole = ProcessInfo.processInfo.environment["COHORT_HOSTILE"] == "all"
    let (_, text) = try runAlone(["--experimental-dump-help"], executable: "cohort")
    let root = try JSONDecoder().decode(Dump.self, from: Data(text.utf8)).command
    try withTemporaryFolder { folder in
      let lane = LaneTime(forward: 1e-4, backward: 1e-4)
      try LaneTrace(source: "test", reduction: "exact", arrays: [10], lanes: [lane]).write(to: folder + "/lanes.json")
      var tried = 0
      func visit(_ command: Command, _ path: [String]) throws {
        for subcommand in command.subcommands ?? [] where subcommand.commandName != "help" {
          try visit(subcommand, path + [subcommand.commandName])
        }
        let options = (command.arguments ?? []).filter { $0.kind == "option" }
        for option in options {
          guard let word = option.names?.first?.word, !Self.names.contains(word) else { continue }
          // Other values of each option: all are tried somewhere.
          let values = isWhole ? hostileNumbers : (0..<2).map { hostileNumbers[(tried * 7 + $0 * 5) % hostileNumbers.count] }
          // Some gigabytes are a wish that a disk and a network may be asked.
          let honest = ["--bytes", "--sizes", "--allreduce"].contains(word) ? ["2147483648", "4294967296"] : []
          for value in values where !honest.contains(value) {
            var arguments = path
            let words = words(path.joined(separator: " "), in: folder)
            for other in options {
              guard let name = other.names?.first?.word, name != word, let usual = words[name] else { continue }
              if !other.isOptional
                || !["--template", "--labels", "--hostfile", "--data", "--checkpoint", "--input"].contains(name)
              {
                arguments += [name, usual]
              }
            }
            let text = (word == "--option" ? "base=" : "") + value
            arguments += word.hasPrefix("--") ? ["\(word)=\(text)"] : [word, text]
            for argument in command.arguments ?? [] where argument.kind == "positional" && !argument.isOptional {
              arguments += argument.valueName == "command" ? ["--", "train", folder + "/none.yaml"] : [folder + "/none"]
            }
            try check(arguments)
          }
          tried += 1
        }
      }
      try visit(root, [])
      #expect(tried > 40, "the program lists its options")
    }
    var usage = rusage()
    getrusage(RUSAGE_CHILDREN.rawValue, &usage)
    #expect(usage.ru_maxrss < 4 << 20, "no command took more than 4 GiB: \(usage.ru_maxrss) KiB")
  }
}
