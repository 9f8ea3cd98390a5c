// `cohort flight`: what every rank of a run did last, also after it was killed.

import ArgumentParser
import Cluster

struct FlightCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flight", abstract: "Print the last operation of each rank of a run, also of one that was killed.")

  @Argument(help: "Run folder.")
  var folder: String
  @Flag(help: "Every operation that is recorded, the last 256 of each rank.")
  var all = false

  func run() throws { try reportingErrors { print(try flightTable(ofRun: folder, all: all)) } }
}
