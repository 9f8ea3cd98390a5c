// `cohort postprocess apply`: what was decided, done to a folder of label maps, which stay as they are; the results go to another folder.

import Files
import Foundation
import MPI
import Metrics
import Volumes

/// Does to every label map of a folder what was decided and writes the results under their names; of predictions the description goes with them.
/// - Parameter report: gets a line for each file that was written.
/// - Returns: the maps that could not be done, and how many there are.
/// Errors: the folder of the label maps as output, files of others in the way.
public func applyPostprocessing(
  _ decision: PostprocessingDecision, to predictions: String, output: String, report: (String) -> Void
) throws -> (failures: [CaseFailure], count: Int) {
  let maps = try LabelMaps(predictions), folder = try PredictionOutput(folder: output)
  try maps.requireAllRead()
  let cases = maps.cases.map { RawCase(identifier: $0, images: [maps.paths[$0]!]) }
  try folder.check(cases, input: predictions)
  if var model = ModelDescription(predictions: predictions) {
    model.use?.postprocessing = decision.postprocessing
    try folder.open(model)
  } else {
    try makeFolder(output)
  }
  let failures = try forEachCase(cases, over: .alone, detail: \.identifier) { item in
    var labels = try readLabels(item.images[0])
    decision.postprocessing.apply(to: &labels.labels, extent: labels.extent)
    let path = folder.labelMap(item.identifier)
    do { try writePrediction(labels, to: path) } catch { throw TrainingError("\(error)", exitCode: 79) }
    report(path)
  }
  return (failures, cases.count)
}
