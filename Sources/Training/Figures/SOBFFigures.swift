// `cohort report sobf`: what a bias field makes of prepared cases.

import Files
import Preparation
import Reports
import Volumes

/// Writes the figure of up to four cases in packs, under the preset's fields at full strength.
/// - Parameters:
///   - packs: what `cohort prepare` wrote.
///   - path: ends in .png; a picture there is replaced, any other file is not.
///   - cases: identifiers; if empty, the first with labels, else the first.
public func drawBiasFields(packs: String, cases: [String], preset: SOBFPreset, seed: UInt64, to path: String) throws {
  try checkEnding(of: path, ".png", format: "PNG")
  try checkOutputs([path], reading: [], isOwn: isOwnPicture)
  let reader = try PackReader(folder: packs)
  let entries = reader.index.entries, labelled = entries.filter(\.hasLabel)
  let chosen = cases.isEmpty ? (labelled.isEmpty ? entries : labelled).prefix(4).map(\.identifier) : cases
  guard chosen.count <= 4 else { throw TrainingError("--cases names \(chosen.count) cases: a figure shows four at most.") }
  let field = SOBF(preset: preset)
  let rows = try chosen.map { identifier in
    let volume = try reader.read(identifier)
    let view = field.apply(
      to: volume.channel(0), extent: volume.extent, seed: seed, volume: identifier, draw: 0, step: 1, total: 1)
    return SOBFFigureRow(
      identifier: identifier, extent: volume.extent, spacing: volume.spacing, image: volume.channel(0),
      multiplicativeField: view.multiplicativeField, additiveField: view.additiveField, view: view.image, label: volume.label)
  }
  try writeSOBFFigure(rows, strengths: (field.multiplicativeStrength, field.additiveStrength), to: path)
}
