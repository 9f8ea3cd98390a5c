// Runs a comparison of methods: what is done stays, what was begun goes on, and after each run the tables are written anew.

import Cluster
import Files
import Foundation
import MPI
import Training

/// Trains and scores every method on every labelled set, one run after another on all ranks, and writes the tables. Collective.
/// - Parameter log: gets a line for each run, on rank 0.
/// - Returns: the exit code: 75 if a run was stopped as asked, 78 if some failed.
public func compareMethods(_ study: MethodStudy, over world: borrowing Communicator, log: (String) -> Void) throws -> Int32 {
  let runs = study.runs
  try together(over: world) { world in
    guard world.rank == 0 else { return }
    try study.requireSameSettings()
    try makeFolder(study.output + "/runs")
  }
  let done = try world.broadcast(text: runs.map { world.rank == 0 && study.result(of: $0) != nil ? "1" : "0" }.joined())
  var failed: [String] = []
  for (number, (run, isDone)) in zip(runs, done).enumerated() where isDone == "0" {
    if world.rank == 0 { log("[\(number + 1)/\(runs.count)] \(run.name)") }
    let code = try study.measure(run, over: world)
    if code == ExitCode.requeue.rawValue { return code }
    if code != 0 { failed.append(run.name) }
    _ = try together(over: world) { world in world.rank == 0 ? try study.writeTables() : [] }
  }
  let paths = try together(over: world) { world in world.rank == 0 ? try study.writeTables() : [] }
  paths.forEach(log)
  guard !failed.isEmpty else { return 0 }
  if world.rank == 0 {
    log(
      "\(counted(failed.count, "run")) failed, for the reasons above: \(failed.joined(separator: ", ")). The same command tries again."
    )
  }
  return ExitCode.fatal.rawValue
}

extension MethodStudy {
  /// Trains one run to its end and scores its last checkpoint. Collective.
  fileprivate func measure(_ run: MethodRun, over world: borrowing Communicator) throws -> Int32 {
    let file = runFilePath(of: run), folder = folder(of: run)
    try together(over: world) { world in
      if world.rank == 0 { try writeDurably(Array(runFile(of: run).utf8), to: file) }
    }
    let code = try launchTraining(file: file, overrides: [], over: world)
    guard code == 0 else { return code }
    return try refusing(over: world) { world in
      let configuration = try together(over: world) { _ in try self.configuration(of: run) }
      let (names, scores) = try heldOutScores(of: configuration, on: subject, over: world)
      try together(over: world) { world in
        guard world.rank == 0 else { return }
        let result = MethodResult(
          method: run.method.title, labels: run.labels, seed: run.seed, subject: subject, dataHash: dataHash,
          steps: configuration.steps,
          classes: names, cases: scores.cases, dice: scores.dice, coreSeconds: try RunReport(run: folder).coreSeconds)
        try result.write(to: folder)
      }
      return 0
    }
  }

  /// Writes methods.markdown, methods.csv, scores.csv and methods.html, once there is a result.
  /// - Returns: their paths.
  fileprivate func writeTables() throws -> [String] {
    let results = runs.compactMap(result)
    guard !results.isEmpty else { return [] }
    let table = MethodTable(self, results)
    return try [
      ("methods.markdown", table.markdown), ("methods.csv", table.csv), ("scores.csv", table.scoresCSV),
      ("methods.html", table.html),
    ].map { name, text in
      try writeDurably(Array(text.utf8), to: "\(output)/\(name)")
      return "\(output)/\(name)"
    }
  }
}
