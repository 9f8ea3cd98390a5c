// What a run records beside the console: a log of every rank, events, metrics for node exporters, a trace, and who is
// slow. Nothing here decides anything: a run without an observer computes the same.

import Cluster
import Files
import Foundation
import Kernels
import MPI

/// Watches one attempt of a run; every rank has one.
public final class Observer {
  /// Seconds between two versions of metrics.prom.
  private static let pageInterval = 15.0

  private unowned let run: Run
  private let console: Console
  private let rank: Int
  private let ranks: Int
  /// The number of this start in the run folder, from 1.
  public let attempt: Int
  private let hosts: [String]
  private var trace: Trace?

  // On rank 0.
  private let events: EventLog?
  private var history: RankHistory
  private var page = MetricsPage()
  private var pageWritten = -Double.infinity
  private var checkpointSaved: Double?
  private var named: Set<Int> = []

  /// Opens the logs of a new attempt in the run folder, which rank 0 has made. Collective.
  public init(_ run: Run, console: Console, over world: borrowing Communicator) throws {
    (self.run, self.console, rank, ranks) = (run, console, world.rank, world.size)
    let folder = run.configuration.output, host = Communicator.hostName
    events = world.rank == 0 ? EventLog(folder: folder, warn: console.warn) : nil
    attempt = Int(try world.allreduce(Int64(events?.attempt ?? 0), .maximum))
    hosts = try world.allgather(text: host)
    let plan = try LanePlan(lanes: run.configuration.lanes, ranks: world.size, layout: run.stage.configuration.layout)
    history = RankHistory(hosts: hosts, lanes: hosts.indices.map { plan.lanes(ofRank: $0, of: world.size).count })
    if let steps = run.configuration.tracedSteps {
      trace = Trace(
        steps: steps, run: folder, lease: run.lease, rank: world.rank, ranks: world.size, host: host, attempt: attempt)
    }
    console.rankLog = RankLog(folder: folder + "/logs", rank: world.rank, attempt: attempt)
    if console.rankLog == nil { console.warn("no log in \(folder)/logs: check that every host can write there.") }
    let lanes = plan.lanes(ofRank: world.rank, of: world.size)
    console.log(
      "rank \(world.rank) of \(world.size) on \(host), process \(getpid()), threads \(Threads.count), processors "
        + "\(ProcessorList.ofThisProcess.text), lanes \(lanes.lowerBound) to \(lanes.upperBound - 1)")
  }

  // MARK: The way of an attempt

  /// The run goes on from `step` steps done.
  /// - Parameter eventFile: the name of the attempt's event file for TensorBoard, if it has one.
  func started(at step: Int, eventFile: String? = nil) {
    console.rankLog?.step = step
    var event = Event(.start, step: step, attempt: attempt)
    (event.ranks, event.hosts, event.threads) = (ranks, hosts, Threads.count)
    (event.totalSteps, event.tensorBoard) = (run.steps, eventFile)
    event.versions = events == nil ? nil : versions(of: run.configuration)
    event.caveat = (run.stage.work as? MethodWork)?.description.caveat
    events?.append(event)
    if step > 0 { events?.append(Event(.resume, step: step, attempt: attempt)) }
    page.run = run.configuration.output
    (page.step, page.totalSteps, page.restarts) = (step, run.steps, attempt - 1)
    page.checkpointStep = step > 0 ? step : nil
  }

  /// Before step `step`, 1 for the first. Collective at the ends of a trace.
  func begin(_ step: Int, over world: borrowing Communicator) throws(ClusterError) {
    console.rankLog?.step = step - 1
    if let problem = try trace?.begin(step, over: world) { console.warn(problem) }
  }

  /// Records step `step`, which took `seconds` on this rank.
  func after(_ step: Int, _ summary: ControlSummary, loss: Double?, seconds: Double) {
    console.rankLog?.step = step
    guard rank == 0 else { return }
    history.add(summary.times, seconds: seconds)
    (page.step, page.loss) = (step, loss)
    if history.steps % RankHistory.window == 0 {
      for slow in SlowRank.find(in: history) where named.insert(slow.rank).inserted { console.warn(slow.warning) }
    }
    if HostClock.seconds - pageWritten >= Self.pageInterval { writePage() }
  }

  /// All that was timed in a step, checkpoints and validations included.
  func keep(_ times: StepTimes, of step: Int) { trace?.add(times, of: step) }

  /// A stage of this name begins.
  func stage(_ name: String, at step: Int) {
    var event = Event(.stage, step: step, attempt: attempt)
    event.message = name
    events?.append(event)
  }

  func validated(_ dice: Double, step: Int) {
    page.dice = dice
    var event = Event(.validation, step: step, attempt: attempt)
    event.dice = dice
    events?.append(event)
  }

  func saved(_ record: CheckpointRecord, seconds: Double) {
    console.log("saved \(record.path), \(record.bytes) bytes in \(seconds.formatted(decimals: 2)) s")
    (page.checkpointStep, checkpointSaved) = (record.step, HostClock.seconds)
    var event = Event(.save, step: record.step, attempt: attempt)
    (event.seconds, event.bytes) = (seconds, record.bytes)
    events?.append(event)
  }

  func notSaved(_ error: any Error, step: Int) {
    var event = Event(.saveFailed, step: step, attempt: attempt)
    event.message = "\(error)"
    events?.append(event)
  }

  /// Some rank was asked to stop.
  func stops(at step: Int) { events?.append(Event(.stop, step: step, attempt: attempt)) }

  /// The loop is over, however it ended. Collective.
  func finish(over world: borrowing Communicator) throws(ClusterError) {
    if let problem = try trace?.finish(over: world) { console.warn(problem) }
  }

  /// The attempt ends with an exit code, on every rank.
  /// - Returns: the code.
  func ended(_ code: Int32, _ message: String? = nil) -> Int32 {
    if let message { console.log("error: \(message)") }
    if ranks > 1, code == ExitCode.success.rawValue, history.steps > 0 { printTable() }
    console.log("ends with code \(code)")
    var event = Event(.end, step: page.step, attempt: attempt)
    (event.code, event.message) = (code, message)
    if history.steps > 0 { event.times = history.rows }
    events?.append(event)
    if rank == 0 { writePage() }
    return code
  }

  /// This rank failed and takes the others with it.
  func failed(_ error: any Error) {
    _ = ended(ExitCode.fatal.rawValue, "rank \(rank) of \(ranks) on \(hosts[rank]): \(error)")
  }

  // MARK: What rank 0 shows

  /// The longest-working ranks first where there are many.
  private func printTable() {
    let rows = history.rows, most = 16
    let shown = rows.count <= most ? rows : Array(rows.sorted { $0.load + $0.compute > $1.load + $1.compute }.prefix(most))
    console.print("")
    console.print("  a step on each rank\(rows.count > most ? " (the \(most) slowest of \(rows.count))" : "")")
    for line in rankTable(shown) { console.print("    \(line)") }
  }

  private func writePage() {
    pageWritten = HostClock.seconds
    page.rows = history.recentRows
    page.checkpointAge = checkpointSaved.map { pageWritten - $0 }
    if !history.recentSeconds.isEmpty {
      let mean = history.recentSeconds.reduce(0, +) / Double(history.recentSeconds.count)
      page.secondsPerStep = mean
      page.samplesPerSecond = Double(run.stage.work.samplesPerStep) / mean
      page.exposedCommunication = page.rows.max { $0.load + $0.compute < $1.load + $1.compute }?.waitShare
    }
    // A full disk costs a version of the page, never the run. In a folder that is another's by now it would be a lie.
    guard run.lease?.isHeld != false else { return }
    try? page.write(to: MetricsPage.path(run.configuration.output))
  }
}
