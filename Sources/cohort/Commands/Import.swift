// `cohort import`: folders of others as data sets.

import ArgumentParser
import Preparation

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a data set from folders of other layouts.",
    discussion: """
      The data set is a new folder, made whole or not at all; `cohort new` and `cohort prepare` read it. Files that need no change stay where they are \
      and are linked or listed; others are written. What was found, changed and left aside is printed. Labels of unlabelled cases are never read. What \
      lies in no layout is listed by hand in manifest.csv, or given to `cohort import folder`.
      """,
    subcommands: [
      Folder.self, DICOM.self, H5List.self, Decathlon.self, LayoutImport<LAChoice>.self, BraTS.self,
      LayoutImport<BTCVChoice>.self,
      LayoutImport<MACTChoice>.self, LayoutImport<AbdomenCT1KChoice>.self, LiQA.self, ATLAS.self,
    ])
}

/// Where the data set goes.
struct ImportOutput: ParsableArguments {
  @Option(help: "Data set to make: a new folder.")
  var output: String
}

/// Which cases train, with or without their label, and which test.
struct SplitOptions: ParsableArguments {
  @Option(
    help:
      "Text file with the name of a training case in each line, in the order in which they are labelled; cases in no list are left aside."
  )
  var trainList: String?
  @Option(help: "Text file with the name of a test case in each line.")
  var testList: String?
  @Option(help: "How many training cases keep their label, the first by the list or by name; all that have one if not given.")
  var labelled: Int?
  @Option(help: "Draw these by chance, the same for the same number, in place of the first.")
  var seed: UInt64?

  var split: CaseSplit { CaseSplit(trainingList: trainList, testList: testList, labelled: labelled, seed: seed) }

  func validate() throws {
    if seed != nil, labelled == nil { throw ValidationError("--seed draws labelled cases: say how many by --labelled.") }
  }
}

/// Names with commas between them.
func listed(_ text: String) -> [String] {
  text.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimmingPrefix { $0 == " " } }.map(String.init)
}

/// Runs an import and prints what it tells.
func reporting(_ body: () throws -> ImportReport) throws { try reportingErrors { try body().lines.forEach { print($0) } } }
