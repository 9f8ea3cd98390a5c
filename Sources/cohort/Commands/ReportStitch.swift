// `cohort report stitch`: a prepared case's crop as a stitched canvas.

import ArgumentParser
import Preparation
import Training
import Volumes

extension Report {
  struct Stitch: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "stitch",
      abstract: "Draw the slices of a crop side by side on one canvas, as SAM sees them, and labels that come back from it.")

    @Option(help: "Folder of packs that `cohort prepare` wrote.")
    var data: String
    @Option(name: .customLong("case"), help: "Case, whose crop lies around the middle of its label, or of the volume.")
    var identifier: String
    @Option(help: "Depth, height and width of the crop in voxels, D,H,W.")
    var patch: String
    @Option(help: "Pixels of each side of the canvas.")
    var canvas = 1024
    @Option(help: "Layout of the slices: \(StitchGeometry.allCases.map(\.rawValue).joined(separator: ", ")).")
    var geometry = StitchGeometry.released
    @Option(
      help: "Folder of label maps that `cohort predict` wrote: adds the case's, gone over the canvas and back, on three planes.")
    var predictions: String?
    @Option(help: "Picture to write (.png).")
    var output: String

    func run() throws {
      let sides = try patchSides(patch)
      try reportingErrors {
        let request = StitchRequest(
          identifier: identifier, patch: Extent(sides[0], sides[1], sides[2]), canvas: canvas, geometry: geometry)
        try drawStitching(request, packs: data, predictions: predictions, to: output)
        print(output)
      }
    }
  }
}

extension StitchGeometry: ExpressibleByArgument {}
