// `cohort launch`: starts a run under mpirun, passes signals on, makes sure that nothing outlives mpirun, and starts it again on
// the machines that are left as long as `RestartPolicy` decides so. It never calls MPI itself.

import Files
import Foundation

/// One launch of a training run.
public struct Launcher {
  /// Ranks wanted; fewer where the machines left have fewer slots.
  public let ranks: Int
  /// The machines; nil for this one alone.
  public let hostfile: Hostfile?
  /// The program and its arguments.
  public let command: [String]
  /// The run folder.
  public let run: String
  public let retries: Int
  private let marker = UUID().uuidString

  public init(ranks: Int, hostfile: Hostfile?, command: [String], run: String, retries: Int) {
    (self.ranks, self.hostfile, self.command, self.run, self.retries) = (ranks, hostfile, command, run, retries)
  }

  /// Seconds that mpirun gets to end by itself after a rank has left an incident.
  static let mpirunGrace = 12.0
  /// Seconds without a sign of life from any rank of this machine that nobody has stopped, and between looks.
  static let silence = 30.0
  static let lookSeconds = 5.0

  /// Runs to the end and returns the exit code.
  public func start(log: (String) -> Void) throws(ClusterError) -> Int32 {
    let signals = LaunchSignals()
    var policy = RestartPolicy(retries: retries), attempt = 0
    while true {
      attempt += 1
      let place = try machines(attempt, avoiding: policy.badHosts, log: log)
      let outcome = try runOnce(attempt, on: place, signals, log: log)
      switch policy.decide(after: outcome, isStopping: signals.isStopping) {
      case .end(let code, let reason):
        if !reason.isEmpty { log("not started again: \(reason). Look at \(run)/incidents and `cohort flight \(run)`.") }
        return code
      case .restart(let seconds):
        log("start \(attempt) ended with code \(outcome.code) at step \(outcome.stepAfter); the next in \(seconds) s")
        signals.rest(seconds: Double(seconds))
        if signals.isStopping { return outcome.incident?.exitCode ?? ExitCode.rankLost.rawValue }
      }
    }
  }

  /// The machines of a start: at the first all, later those that answer and were not named in two failures. Never none.
  private func machines(_ attempt: Int, avoiding bad: Set<String>, log: (String) -> Void) throws(ClusterError) -> Hostfile? {
    guard let hostfile, attempt > 1 else { return hostfile }
    let names = hostfile.answering(agent: Self.remoteAgent)
    var left = hostfile
    left.hosts.removeAll { names[$0.name] == nil }
    guard !left.hosts.isEmpty else {
      throw ClusterError("None of the machines of the hostfile answers. Check the network and `ssh MACHINE hostname`.")
    }
    for host in hostfile.hosts where names[host.name] == nil { log("\(host.name) does not answer and is left out") }
    let good = left.hosts.filter { !bad.contains(names[$0.name]!) }
    if good.isEmpty { return left }
    for host in left.hosts where bad.contains(names[host.name]!) { log("\(host.name) was named in two failures and is left out") }
    left.hosts = good
    return left
  }

  /// The command by which mpirun reaches other machines: its plm_rsh_agent, else ssh.
  private static var remoteAgent: [String] {
    let agent = ProcessInfo.processInfo.environment["OMPI_MCA_plm_rsh_agent"] ?? "ssh"
    let words = agent.split(separator: " ").map(String.init)
    return words.first?.hasSuffix("ssh") == true ? words + ["-n", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"] : words
  }

  private func runOnce(
    _ attempt: Int, on place: Hostfile?, _ signals: LaunchSignals, log: (String) -> Void
  ) throws(ClusterError) -> Attempt {
    let known = Incident.names(ofRun: run), stepBefore = newestStep, kills = MemoryKills.now
    let line = try mpirunLine(place)
    log(line.map(quoted).joined(separator: " "))
    let mpirun = try ChildProcess(
      line, environment: [LaunchEnvironment.attempt: "\(attempt)", LaunchEnvironment.marker: marker])
    // The launcher may be suspended with its job: only time in which it runs counts.
    let clock = AwakeClock()
    var incidentSince: Double?, end: ChildProcess.End?, lookedAt = clock.seconds, signs = SignsOfLife(at: clock.seconds)
    while end == nil {
      if let signal = signals.next(seconds: 0.5) { mpirun.send(signal) }
      end = mpirun.poll()
      // mpirun itself may wait for a machine that was cut off.
      let now = clock.seconds
      if incidentSince == nil, Incident.names(ofRun: run) != known { incidentSince = now }
      if let since = incidentSince, now - since > Self.mpirunGrace { mpirun.killGroup(SIGKILL) }
      if now - lookedAt > Self.lookSeconds {
        lookedAt = now
        let silence = signs.silence(
          of: localFlights(attempt), at: now, graceEnd: clock.graceEnd, isStopped: { HostProcess($0).isStopped })
        if silence > Self.silence {
          log("every rank on this machine has been silent for \(Int(silence)) s: ending them")
          mpirun.killGroup(SIGKILL)
        }
      }
    }
    mpirun.killGroup(SIGKILL)
    killMarked(LaunchEnvironment.marker, marker)
    if let reason = MemoryKills.now.explanation(since: kills) {
      log("a process of this machine was \(reason): take memory: lean, a smaller patch or fewer ranks on a machine")
    }
    let code =
      switch end {
      case .exited(let code): code
      case .signalled(let number): 128 + number
      case nil: fatalError("Launcher: the loop ended before mpirun")
      }
    return Attempt(
      code: code, stepBefore: stepBefore, stepAfter: newestStep, incident: Incident.newest(ofRun: run, notAmong: known))
  }

  /// The flights of the ranks of this start on this machine.
  private func localFlights(_ attempt: Int) -> [FlightLog] {
    let flights = (try? FlightLog.all(ofRun: run)) ?? [], host = ProcessInfo.processInfo.hostName
    return flights.filter { $0.header.attempt == Int32(attempt) && $0.header.host == host }
  }

  private var newestStep: Int { CheckpointStore(folder: run + "/checkpoints").list().last?.step ?? 0 }

  /// The exact command. Open MPI's other settings go through its environment, OMPI_MCA_….
  private func mpirunLine(_ place: Hostfile?) throws(ClusterError) -> [String] {
    let environment = ProcessInfo.processInfo.environment
    var line = mpirunCommand + ["-n", "\(min(ranks, place?.slots ?? ranks))", "--bind-to", "none"]
    // This machine alone: as many ranks as were asked for, also where it has fewer processors. Slurm counts by itself.
    if place == nil, environment["SLURM_JOB_ID"] == nil { line.append("--oversubscribe") }
    if let place {
      let path = realPath(run) + "/hostfile"
      _ = try RunFolder.take(run)
      try clustered { () throws(FileError) in try writeDurably(Array(place.text.utf8), to: path) }
      line += ["--hostfile", path, "--map-by", "node"]
    }
    // A daemon that receives nothing for 20 seconds ends its ranks: later than the watch, which can report more.
    for (name, value) in [("time", 10), ("intvl", 5), ("probes", 2)] {
      line += ["--mca", "oob_tcp_keepalive_\(name)", "\(value)"]
    }
    for name in [LaunchEnvironment.attempt, LaunchEnvironment.marker, "OMP_NUM_THREADS", Fault.variable]
    where environment[name] != nil || [LaunchEnvironment.attempt, LaunchEnvironment.marker].contains(name) {
      line += ["-x", name]
    }
    return line + command
  }
}

/// mpirun as this user may start it: who starts `cohort` as root, as in a container, means it.
public var mpirunCommand: [String] { geteuid() == 0 ? ["mpirun", "--allow-run-as-root"] : ["mpirun"] }

/// A word as one would type it in a shell.
package func quoted(_ word: String) -> String {
  word.wholeMatch(of: /[A-Za-z0-9_.,:=\/+-]+/) == nil ? "'" + word.replacing("'", with: #"'\''"#) + "'" : word
}
