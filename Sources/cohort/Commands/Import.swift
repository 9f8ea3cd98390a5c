// `cohort import`: folders of others as data sets.

import ArgumentParser
import Preparation

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a data set from the folders of a challenge; images stay where they are.",
    discussion: "The data set lists its cases in manifest.csv; `cohort prepare` reads it.", subcommands: [LiQA.self, ATLAS.self])

  struct LiQA: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "liqa", abstract: "CARE-Liver (LiQA): liver MRI in up to seven phases from several vendors.")

    @Argument(help: "Folder that holds Vendor_A, Vendor_B1, ...")
    var folder: String
    @Option(help: "Data set to make: a new folder.")
    var output: String
    @Flag(help: "All of it is for tests.")
    var test = false

    func run() throws { try reportingErrors { try importLiQA(folder, to: output, isTest: test).lines.forEach { print($0) } } }
  }

  struct ATLAS: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "atlas", abstract: "ATLAS 2023: T1 MRI of livers with tumours.")

    @Argument(help: "Folder that holds imagesTr and labelsTr.")
    var folder: String
    @Option(help: "Data set to make: a new folder.")
    var output: String
    @Flag(help: "Keep the tumour as a class; otherwise it counts as liver.")
    var keepTumour = false

    func run() throws {
      try reportingErrors { try importATLAS(folder, to: output, keepsTumour: keepTumour).lines.forEach { print($0) } }
    }
  }
}
