// Runs a study: what is measured already stays, the rest follows in the plan's order.

import Cluster
import Files
import Foundation
import Kernels
import Training

/// How a study ended.
public struct StudyOutcome: Sendable {
  public var measured: Int
  /// Points that failed, each with the reason.
  public var failures: [String]
  /// A signal asked to stop.
  public var isInterrupted: Bool
}

extension Study {
  /// The points that still lack a measurement, in order, and the measurements that exist.
  public func remaining() throws -> (points: [StudyPoint], measured: [Measurement]) {
    let measured = try StudyFolder(self.output).measurements(settings: try settingsHash())
    let done = Set(measured.map(\.point))
    return (order.filter { !done.contains($0) }, measured)
  }

  /// Measures what remains. A point that fails is left out and tried again when the study is continued; three in a row end the
  /// study.
  /// - Parameter log: gets a line for each measurement.
  public func run(program: String, log: (String) -> Void) throws -> StudyOutcome {
    try checkNodes()
    let folder = StudyFolder(self.output), settings = try settingsHash()
    try folder.keep(self)
    let foreign = try folder.foreignCount(settings: settings)
    if foreign > 0 { log("\(foreign) measurements in \(folder.measurementsPath) belong to other settings and are left alone.") }
    var (points, measured) = try remaining()
    let total = order.count
    if measured.count > 0 { log("\(total - points.count) of \(total) measurements exist.") }

    let signals = LaunchSignals()
    var failures: [String] = [], inARow = 0
    while let point = points.first, !signals.isStopping, inARow < 3 {
      points.removeFirst()
      do {
        let measurement = try measure(point, settings: settings, program: program, signals)
        try folder.append(measurement)
        measured.append(measurement)
        inARow = 0
        let left = try expectedSeconds(points, measured: measured)
        log("[\(total - points.count)/\(total)] \(measurement.line), about \(clockTime(left.seconds)) left")
      } catch let error as ScalingError {
        if signals.isStopping { break }
        failures.append("\(point.name): \(error)")
        inARow += 1
        log("[\(total - points.count)/\(total)] \(failures.last!)")
      }
    }
    return StudyOutcome(measured: measured.count, failures: failures, isInterrupted: signals.isStopping)
  }

  private func measure(_ point: StudyPoint, settings: String, program: String, _ signals: LaunchSignals) throws -> Measurement {
    let runFolder = folder(of: point), log = runFolder + "/output.txt"
    try? FileManager.default.removeItem(atPath: runFolder)
    try FileManager.default.createDirectory(atPath: runFolder, withIntermediateDirectories: true)
    let command = try command(point, program: program, folder: runFolder)
    let started = Date(), clock = ContinuousClock.now
    let launcher = try ChildProcess(command, environment: environment, log: log)
    let end = try wait(for: launcher, signals)
    let seconds = (ContinuousClock.now - clock).seconds
    guard let end else {
      throw ScalingError("not done after \(self.limitSeconds) seconds: see \(log), or raise limitSeconds.")
    }
    guard end == .exited(0), let data = try? readAll(measuredFile(in: runFolder)) else {
      let lines = (try? readText(log))?.split(separator: "\n") ?? []
      let lastLine = lines.last { $0.contains("cohort: ") } ?? lines.last ?? "no output"
      throw ScalingError("\(end) (\(lastLine)): see \(log).")
    }
    let run = try JSONDecoder().decode(MeasuredRun.self, from: Data(data))
    let measurement = Measurement(
      run, of: point, study: settings, started: started.ISO8601Format(), seconds: seconds, dilation: self.dilation,
      command: shown(command))
    guard measurement.isPossible else { throw ScalingError("it measured numbers that cannot be: see \(log).") }
    return measurement
  }

  /// How the launcher ended; nil if it was stopped, because it took too long or a signal asked for it.
  private func wait(for launcher: ChildProcess, _ signals: LaunchSignals) throws -> ChildProcess.End? {
    let clock = AwakeClock(), limit = clock.seconds + Double(self.limitSeconds)
    while clock.seconds < limit, !signals.isStopping {
      if let end = launcher.poll() { return end }
      _ = signals.next(seconds: 0.2)
    }
    // The launcher ends its ranks on a signal; the kill is for one that ignores it.
    launcher.send(SIGTERM)
    for _ in 0..<50 where launcher.poll() == nil { usleep(200_000) }
    launcher.killGroup(SIGKILL)
    return nil
  }
}

/// The file in which rank 0 leaves what it measured.
func measuredFile(in folder: String) -> String { folder + "/measured.json" }

extension MeasuredRun {
  /// Leaves the numbers for `Study.run`. On rank 0.
  public func write(to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try writeDurably(Array(try encoder.encode(self)), to: measuredFile(in: folder))
  }
}

extension Measurement {
  /// What was found, in a line.
  var line: String {
    let place = "\(point.kind), \(point.nodes) node\(point.nodes == 1 ? "" : "s"), repeat \(point.repetition)"
    if let row = run.allreduce?.rows.last {
      return "\(place): allreduce of \(row.bytes) bytes \((median(row.seconds) * 1e3).formatted(decimals: 3)) ms"
    }
    let step = median(run.steps.map(\.wall)), rate = Double(point.lanes) / step
    return
      "\(place): \(step.formatted(decimals: 4)) s a step, \(rate.formatted(decimals: 2)) lanes/s (\(evidence))"
  }
}
