// A drill: SIGUSR1, with which Slurm and people ask a run to save and stop, reaches every rank.

import Foundation
import MPI
import Synchronization

private let hasArrived = Atomic<Bool>(false)

let signalCheck = DoctorCheck("signals") { world, plan in
  let launcher = parentName()
  let way = try world.broadcast(text: world.rank == 0 ? launcher : "")
  guard plan.launch.isWired else { return [.skipped("signals", "one process, nobody passes signals on")] }
  guard ["mpirun", "mpiexec", "orterun"].contains(way) else {
    return [
      .skipped("signals", "rank 0 is a child of \(way), which takes no signal from it: try `scancel --signal=USR1 JOB.STEP`")
    ]
  }
  hasArrived.store(false, ordering: .relaxed)
  let previous = signal(SIGUSR1) { _ in hasArrived.store(true, ordering: .relaxed) }
  try world.barrier()
  let started = ContinuousClock.now
  if world.rank == 0 { LauncherProcess.send(SIGUSR1) }
  while !hasArrived.load(ordering: .relaxed), ContinuousClock.now - started < .seconds(3) { usleep(2_000) }
  let seconds = (ContinuousClock.now - started) / .seconds(1)
  let arrivals = try gathered(hasArrived.load(ordering: .relaxed) ? seconds : -1, over: world)
  // A signal that comes late must not end the doctor.
  signal(SIGUSR1, arrivals.allSatisfy { $0.facts >= 0 } ? previous : SIG_IGN)
  return world.rank == 0 ? judge(arrivals) : []
}

private func judge(_ arrivals: [Placed<Double>]) -> [Finding] {
  let missing = arrivals.filter { $0.facts < 0 }.map(\.rank)
  guard missing.isEmpty else {
    return [
      .problem(
        "signals", "USR1 sent to mpirun did not reach \(rankList(missing))",
        hint: "use Open MPI 4.1 or newer, or give each run a --time-budget, which needs no signal")
    ]
  }
  let slowest = arrivals.map(\.facts).max() ?? 0
  return [.ok("signals", String(format: "USR1 sent to mpirun reaches every rank in %.0f ms", slowest * 1e3))]
}

/// The program that started this process.
private func parentName() -> String { systemText("/proc/\(getppid())/comm") ?? "an unknown process" }
