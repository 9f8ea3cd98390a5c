// `cohort synthesize`: a cohort of subjects from one labelled volume, or of phantoms.

import ArgumentParser
import Preparation

struct Synthesize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a data set of deformed subjects from one labelled real volume, or of phantoms.",
    discussion: "The output is an nnU-Net raw folder with imagesUn for the unlabelled volumes.")

  @Option(help: "Folder to make; must be empty or absent.")
  var output: String
  @Option(help: "Number of subjects; a quarter of them are test subjects.")
  var subjects = 16
  @Option(help: "How many of the training subjects have a label.")
  var labelled = 2
  @Option(help: "Seed: the same seed makes the same files.")
  var seed: UInt64 = 7
  @Option(help: "Image to deform (NIfTI).")
  var template: String?
  @Option(help: "Its label map (NIfTI, same grid).")
  var labels: String?
  @Option(help: "Label values to keep, as classes 1, 2, ...; 37+38 joins two values into one class.")
  var classes: String?
  @Option(help: "Voxel size of the subjects, millimetres.")
  var spacing = 2.0
  @Option(
    help:
      "Volumes of each subject, each in another contrast and a little out of place; some are missing, and only the first has a label. The table manifest.csv lists them."
  )
  var phases = 1
  @Option(help: "Scanners, on which subjects lie in turn.")
  var vendors = 1

  @Flag(
    help:
      "Phantoms in which only lesions have a label: anywhere in the body, of any size and contrast, so that no label can be carried over."
  )
  var lesions = false
  @Option(help: "Most by which each phantom is moved along each axis, millimetres.")
  var shift = 0.0

  func validate() throws {
    try inRange([("subjects", subjects, 1...9999), ("labelled", labelled, 1...9999)])
    try inRange([("phases", phases, 1...20), ("vendors", vendors, 1...20)])
    try inRange([("spacing", spacing, 0.2...10), ("shift", shift, 0...25)])
  }

  func run() throws {
    try reportingErrors {
      let plan = SynthesisPlan(
        output: output, subjects: subjects, labelled: labelled, seed: seed, template: template, labels: labels,
        classes: try classes.map(SynthesisPlan.parseClasses) ?? [], spacing: spacing, phases: phases,
        vendors: vendors, scattersLesions: lesions, shift: shift)
      try synthesizeCohort(plan) { print($0) }
    }
  }
}
