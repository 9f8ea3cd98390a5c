// `cohort evaluate`: Dice, Jaccard and surface distances of label maps against references.

import ArgumentParser
import Foundation
import Metrics
import Training
import Volumes

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Score label maps against references: Dice, Jaccard, ASD (prediction to reference), 95HD.")

  enum Unit: String, CaseIterable, ExpressibleByArgument { case voxel, mm }

  @Option(help: "Folder of predicted label maps.")
  var predictions: String
  @Option(help: "Folder of reference label maps with the same names.")
  var references: String
  @Option(help: "Distances in voxels, as the published benchmarks, or in mm.")
  var spacing = Unit.mm
  @Option(help: "What an empty mask counts for in mean distances: zero, skip or diagonal. Empty masks are always counted.")
  var empty = EmptyPolicy.skip
  @Option(help: "Data set folder whose dataset.json names the classes; the folder above the references if it has one.")
  var dataset: String?
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    try saying {
      let above = URL(fileURLWithPath: references).deletingLastPathComponent().path
      let names = try dataset.map { try Dataset.open($0).classNames } ?? (try? Dataset.open(above))?.classNames ?? []
      let table = try evaluatePredictions(
        predictions, references: references, inMillimetres: spacing == .mm, policy: empty, classNames: names)
      print(json ? table.json() : table.text())
    }
  }
}

extension EmptyPolicy: ExpressibleByArgument {}
