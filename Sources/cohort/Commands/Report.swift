// `cohort report gradcam|sobf|compare`: figures as PNG; `stitch` is in ReportStitch.swift, `confidence` in ReportConfidence.swift, `run` in
// ReportRun.swift.

import ArgumentParser
import Foundation
import Networks
import Preparation
import Training
import Volumes

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw figures: what networks look at, what bias fields do, how methods compare; and report how a run went.",
    subcommands: [Activations.self, BiasFields.self, Compare.self, Stitch.self, Confidence.self, OfRun.self])

  struct Activations: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "gradcam", abstract: "Draw where trained networks see a class (Seg-Grad-CAM), a row for each network.")

    @Option(help: "Run folder or checkpoint, or NAME=PATH; may be given several times.")
    var checkpoint: [String]
    @Option(help: "Image or folder of images, as for `cohort predict`.")
    var input: String
    @Option(help: "Folder for the pictures, four cases in each.")
    var output: String
    @Option(help: "Layer whose features are weighed: bottleneck, dec3, dec2 or dec1.")
    var layer = FeatureLayer.dec2
    @Option(name: .customLong("class"), help: "Label value of the class.")
    var label = 1
    @Option(help: "Folder of reference label maps: chooses the slices and adds a row.")
    var references: String?
    @Option(help: "gradcam weighs each channel by its mean gradient, hirescam each value by its own.")
    var kind = ActivationKind.gradcam

    func run() throws {
      try reportingErrors {
        let (failures, count) = try drawActivations(
          methods: checkpoint.map(NamedPath.init), input: input, references: references,
          request: ActivationRequest(layer: layer, label: label, kind: kind), output: output
        ) { print($0) }
        throw ArgumentParser.ExitCode(listFailures(failures, of: count, done: "drawn"))
      }
    }
  }

  struct BiasFields: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sobf", abstract: "Draw prepared cases under a smooth orthogonal bias field at full strength.")

    @Option(help: "Folder of packs that `cohort prepare` wrote.")
    var input: String
    @Option(help: "Up to four cases with commas between them; the first four with labels if not given.")
    var cases: String?
    @Option(help: "How the fields are made: \(SOBFPreset.allCases.map(\.rawValue).joined(separator: ", ")).")
    var preset = SOBFPreset.paper
    @Option(help: "Seed of the fields.")
    var seed: UInt64 = 1337
    @Option(help: "Picture to write (.png).")
    var output: String

    func run() throws {
      try reportingErrors {
        let chosen = cases?.split(separator: ",").map(String.init) ?? []
        try drawBiasFields(packs: input, cases: chosen, preset: preset, seed: seed, to: output)
        print(output)
      }
    }
  }

  struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draw label maps of several methods beside image and reference, with Dice, false and missed parts.")

    @Option(help: "Folder of images.")
    var images: String
    @Option(help: "Folder of reference label maps.")
    var references: String
    @Option(help: "Folder of label maps, or NAME=FOLDER; may be given several times.")
    var predictions: [String]
    @Option(help: "Folder for the pictures, one for each case.")
    var output: String
    @Option(help: "Data set folder whose dataset.json names the classes; the folder above the references if it has one.")
    var dataset: String?

    func run() throws {
      try reportingErrors {
        let (failures, count) = try drawComparisons(
          images: images, references: references, predictions: predictions.map(NamedPath.init),
          classNames: try labelMeaning(dataset: dataset, references: references).classNames, output: output
        ) { print($0) }
        throw ArgumentParser.ExitCode(listFailures(failures, of: count, done: "drawn"))
      }
    }
  }
}

extension FeatureLayer: ExpressibleByArgument {}
extension ActivationKind: ExpressibleByArgument {}
extension SOBFPreset: ExpressibleByArgument {}
