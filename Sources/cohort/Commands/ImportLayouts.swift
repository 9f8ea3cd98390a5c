// `cohort import` for the layouts of public data sets.

import ArgumentParser
import Preparation

/// A layout as a type, as subcommands are.
protocol LayoutChoice { static var layout: ImportLayout { get } }

enum LAChoice: LayoutChoice { static let layout = ImportLayout.la }
enum BTCVChoice: LayoutChoice { static let layout = ImportLayout.btcv }
enum MACTChoice: LayoutChoice { static let layout = ImportLayout.mact }
enum AbdomenCT1KChoice: LayoutChoice { static let layout = ImportLayout.abdomenCT1K }

/// `cohort import la` and so on.
struct LayoutImport<Choice: LayoutChoice>: ParsableCommand {
  static var configuration: CommandConfiguration { .init(layout: Choice.layout) }

  @Argument(help: "Folder that holds the files, at any depth.")
  var folder: String
  @OptionGroup var output: ImportOutput
  @OptionGroup var split: SplitOptions

  func run() throws { try reporting { try importLayout(Choice.layout, folder, to: output.output, split: split.split) } }
}

extension CommandConfiguration {
  fileprivate init(layout: ImportLayout) {
    self.init(commandName: layout.name, abstract: layout.title, discussion: "Files: \(layout.example).")
  }
}

extension Import {
  struct BraTS: ParsableCommand {
    static let configuration = CommandConfiguration(layout: .brats)

    @Argument(help: "Folder that holds a folder for each case, at any depth.")
    var folder: String
    @OptionGroup var output: ImportOutput
    @OptionGroup var split: SplitOptions
    @Flag(help: "Learn and score the whole tumour, its core and the enhancing tumour as regions, as nnU-Net does for BraTS.")
    var regions = false

    func run() throws {
      let layout = regions ? ImportLayout.bratsRegions : .brats
      try reporting { try importLayout(layout, folder, to: output.output, split: split.split) }
    }
  }

  struct Decathlon: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "msd", abstract: "A task of the Medical Segmentation Decathlon, unpacked.",
      discussion: "Images with several modalities in a fourth axis are written as a file for each.")

    @Argument(help: "Folder of the task, which holds dataset.json.")
    var folder: String
    @OptionGroup var output: ImportOutput
    @OptionGroup var split: SplitOptions

    func run() throws { try reporting { try importDecathlon(folder, to: output.output, split: split.split) } }
  }

  struct LiQA: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "liqa", abstract: "CARE-Liver (LiQA): liver MRI in up to seven phases from several vendors.")

    @Argument(help: "Folder that holds Vendor_A, Vendor_B1, ...")
    var folder: String
    @OptionGroup var output: ImportOutput
    @Flag(help: "All of it is for tests.")
    var test = false

    func run() throws { try reporting { try importLiQA(folder, to: output.output, isTest: test) } }
  }

  struct ATLAS: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "atlas", abstract: "ATLAS 2023: T1 MRI of livers with tumours.")

    @Argument(help: "Folder that holds imagesTr and labelsTr.")
    var folder: String
    @OptionGroup var output: ImportOutput
    @Flag(help: "Keep the tumour as a class; otherwise it counts as liver.")
    var keepTumour = false

    func run() throws { try reporting { try importATLAS(folder, to: output.output, keepsTumour: keepTumour) } }
  }
}
