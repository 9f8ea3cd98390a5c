// What a run draws of itself while it goes on (rank 0): event files for TensorBoard, progress.png, and the cases of the newest validation.
// A full disk costs pictures, never the run.

import Cluster
import Files
import Foundation
import Reports

/// Follows the lines of metrics.jsonl.
final class RunFigures {
  static let progressName = "progress.png", casesName = "validation.json"
  /// Seconds between two versions of progress.png.
  private static let progressInterval = 15.0

  private let run: Run
  private let console: Console
  private let tensorBoard: TensorBoardLog?
  private var curves: RunCurves
  private var progressDrawn = -Double.infinity
  private var isWarned = false
  private var folder: String { run.configuration.output }

  /// The name of the attempt's event file; nil where it could not be made.
  var eventFile: String? { tensorBoard?.name }

  /// Begins the figures of an attempt that goes on at the run's step, with what earlier attempts have measured.
  init(_ run: Run, attempt: Int, console: Console) {
    (self.run, self.console) = (run, console)
    var curves = RunCurves(lastStep: run.steps)
    _ = try? MetricsFile.forEachLine(ofRun: run.configuration.output) { curves.take($0) }
    self.curves = curves
    do throws(FileError) {
      tensorBoard = try TensorBoardLog(
        run: run.configuration.output, attempt: attempt, stepsDone: run.stepsDone, warn: console.warn)
    } catch {
      tensorBoard = nil
      console.warn("no event files for TensorBoard. \(error)")
    }
  }

  func append(kind: String, step: Int, _ numbers: [String: Double]) {
    tensorBoard?.append(kind: kind, step: step, numbers)
    curves.take(MetricsFile.Line(kind: kind, step: step, numbers: numbers))
  }

  /// Takes up what a validation found beside its numbers.
  func validated(_ scores: StageScores) {
    let step = run.stepsDone
    tensorBoard?.append(step: step, run.stage.work.modules, scores.cases?.pictures ?? [])
    guard var cases = scores.cases else { return }
    cases.step = step
    write(Self.casesName) { try writeDurably(Array(try JSONEncoder().encode(cases)), to: $0) }
  }

  /// A checkpoint was saved.
  func saved() {
    tensorBoard?.synchronize()
    if HostClock.seconds - progressDrawn >= Self.progressInterval { drawProgress() }
  }

  func drawProgress() {
    progressDrawn = HostClock.seconds
    let charts = curves.progress
    if !charts.isEmpty { write(Self.progressName) { try writeCharts(charts, title: folder, to: $0) } }
  }

  /// Writes into the run folder while that is this run's, and says once what fails.
  private func write(_ name: String, _ body: (String) throws -> Void) {
    guard run.lease?.isHeld != false else { return }
    do { try body("\(folder)/\(name)") } catch {
      if !isWarned { console.warn("\(error)") }
      isWarned = true
    }
  }
}
