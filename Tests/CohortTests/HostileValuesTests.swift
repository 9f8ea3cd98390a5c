// Numbers that nobody means, in every key of every table that there is: each is taken or refused by one short sentence. The tables are asked for
// their keys, so that new ones are tried without a change here. A trap would end the test program.

import Foundation
import Methods
import Networks
import Scaling
import Settings
import TestSupport
import Testing
import Training

/// What people and programs write where a number is wanted.
let hostileNumbers = [
  "0", "-1", "1e-300", "1e300", "1e400", "nan", "inf", "-inf", "-0", "2147483648", "4294967296", "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808", "18446744073709551616", "", "x", "1,2", "[1, 2]", "[]", "[[1, 2], 3]", "0x10", " 7", "٣",
]

/// The same where three numbers are wanted.
private let hostileLists = hostileNumbers.flatMap { ["[\($0), 16, 16]", "\($0),\($0),\($0)", "\($0),1,1;2,2,2"] }

@Suite(.timeLimit(.minutes(5))) struct HostileValuesTests {
  /// Runs `body`, whose refusal must be one short sentence.
  private func expectSentence(_ what: String, _ body: () throws -> Void) {
    do { try body() } catch {
      let text = "\(error)"
      #expect(text.count < 800 && !text.contains("\n") && !text.contains("Context"), "\(what): \(text)")
    }
  }

  /// The values to try for a setting: lists too where it takes lists.
  private func values(for setting: any SettingDescription) -> [String] {
    hostileNumbers + (setting.allowed.contains("numbers") || setting.allowed.contains("triples") ? hostileLists : [])
  }

  @Test func keysOfRunFiles() {
    for setting in RunKeys.all {
      for value in values(for: setting) {
        expectSentence("\(setting.name)=\(value)") {
          let run = try RunConfiguration(yaml: "data: d\noutput: o\n", source: "f", overrides: ["\(setting.name)=\(value)"])
          let again = try RunConfiguration(yaml: run.yaml, source: "again")
          #expect(again.changes(since: run) == [], "\(setting.name)=\(value) is read back as it was written")
          _ = run.stages
        }
        expectSentence("stages.\(setting.name)=\(value)") {
          _ = try RunConfiguration(
            yaml:
              "data: d\noutput: o\nstages: [{name: a, \(setting.name): \(value)}]\nmodules: {m: {\(setting.name): \(value)}}\n",
            source: "f")
        }
      }
    }
  }

  @Test(arguments: methodCatalog.map { $0.name }) func optionsOfMethods(method: String) throws {
    let options = try #require(methodCatalog.first { $0.name == method }).options
    for setting in options {
      for value in hostileNumbers {
        expectSentence("method.\(setting.name)=\(value)") {
          _ = try RunConfiguration(
            yaml: "data: d\noutput: o\nmethod: {name: \(method)}\n", source: "f", overrides: ["method.\(setting.name)=\(value)"])
        }
      }
    }
  }

  /// A network that is allowed can be counted, whatever its options, and one that is too large for memory is not made.
  @Test(arguments: networkCatalog.map { $0.name }) func optionsOfNetworks(name: String) throws {
    let options = try #require(networkCatalog.first { $0.name == name }).options
    let largest = [
      "65536", "1000", "4096", "65536,65536,65536,65536,65536,65536", "8,8,8;8,8,8;8,8,8;8,8,8;8,8,8", "63,63,63;63,63,63",
    ]
    for setting in options {
      for value in values(for: setting) + largest {
        for (channels, classes) in [(1, 2), (10_000, 256), (10_001, 2), (1, 257), (0, 0), (.max, .max), (.min, -1)] {
          expectSentence("\(name) \(setting.name)=\(value)") {
            let plan = NetworkPlan(inputChannels: channels, classes: classes, options: [setting.name: value], seed: 1)
            let specification = try network(named: name, for: plan).specification(plan)
            let longest = [Int](repeating: longestPatchSide, count: 3)
            #expect(specification.parameterCount > 0 && specification.multiplyAdds(patch: longest) > 0)
            _ = patchProblem(longest, divisor: specification.divisor, network: name)
          }
        }
      }
    }
  }

  @Test func networksLargerThanMemoryAreRefused() {
    for (name, options) in [
      ("unet3d", ["base": "65536"]), ("vnet", ["base": "65536"]), ("stunet", ["base": "4096", "depth": "1000"]),
    ] {
      #expect {
        try makeNetwork(name, NetworkPlan(inputChannels: 1, classes: 2, options: options, seed: 1))
      } throws: { "\($0)".contains("GiB are left") && "\($0)".contains("make it smaller") }
    }
  }

  @Test func keysOfStudies() {
    let base = ["output": "s", "nodes": "[1, 2]", "weak": "1", "run": "r"]
    for setting in StudyKeys.all {
      for value in values(for: setting) + ["[100000]", "1000000", "100000"] {
        expectSentence("\(setting.name)=\(value)") {
          let texts = base.merging([setting.name: value]) { $1 }
          let study = try Study(yaml: texts.map { "\($0.key): \($0.value)\n" }.joined(), source: "f")
          for point in study.order.prefix(5) { _ = try study.command(point, program: "cohort", folder: "r") }
        }
      }
    }
  }
}
