// Checkpoints under attack: jobs that are killed while they save, and files in which bytes change.

import Cluster
import Foundation
import MPI
import Tensors

let checkpointDamageScenarios = [
  Scenario(name: "checkpoint-kill", run: saveUntilKilled),
  Scenario(name: "checkpoint-check") { world, arguments in
    _ = try resumeChecked(store(arguments), Int(arguments[1])!, over: world)
  },
  Scenario(name: "checkpoint-flips", run: flips),
]

private func store(_ arguments: [String], keep: Int = 2) -> CheckpointStore {
  CheckpointStore(
    folder: arguments[0], keep: keep, backend: arguments.count > 2 ? CheckpointBackend(rawValue: arguments[2])! : .parallel)
}

/// checkpoint-kill FOLDER COUNT BACKEND [MICROSECONDS]: finds what the job before it left, checks it, and saves step after step until it is killed:
/// by itself so long after the start, or at the moment that COHORT_CHECKPOINT_KILL names. Every third step is saved twice, to try replacing.
private func saveUntilKilled(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let count = Int(arguments[1])!, store = store(arguments)
  var step = try resumeChecked(store, count, over: world)
  if arguments.count > 3 {
    let delay = UInt32(arguments[3])!
    Thread.detachNewThread {
      usleep(delay)
      kill(getpid(), SIGKILL)
    }
  }
  while true {
    step += 1
    for _ in 0..<(step % 3 == 0 ? 2 : 1) {
      _ = try store.save(madeUpState(step: step, count: count), over: world)
      if world.rank == 0 {
        try Data("\(step)".utf8).write(to: URL(fileURLWithPath: store.folder + ".committed"), options: .atomic)
      }
    }
  }
}

/// The step of the newest checkpoint, after checking that it is whole and not older than the last one whose save returned; 0 if there is none.
private func resumeChecked(_ store: CheckpointStore, _ count: Int, over world: borrowing Communicator) throws -> Int {
  let committed = (try? String(contentsOfFile: store.folder + ".committed", encoding: .utf8)).flatMap { Int($0) } ?? 0
  var reports: [String] = []
  let loaded = try store.loadLatest(over: world, report: { reports.append($0) })
  try expect(reports.isEmpty, "a committed checkpoint is damaged: \(reports)")
  try expect((loaded?.step ?? 0) >= committed, "step \(committed) was committed, step \(loaded?.step ?? 0) is the newest found")
  if let loaded {
    let expected = madeUpState(step: loaded.step, count: count)
    try expect(loaded.vectors.elementsEqual(expected.vectors) { $0.values == $1.values }, "values of step \(loaded.step)")
  }
  try world.barrier()
  return loaded?.step ?? 0
}

/// checkpoint-flips FOLDER TRIALS SEED: in each trial one bit of the newest checkpoint's state or manifest changes; it is set aside and the one before
/// it is found.
private func flips(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let folder = arguments[0], store = CheckpointStore(folder: folder), key = RandomKey(UInt64(arguments[2])!)
  for step in 1...2 { _ = try store.save(madeUpState(step: step, count: 300_000), over: world) }
  let newest = folder + "/step-00000002"
  for trial in 0..<UInt64(arguments[1])! {
    let name = trial % 4 == 0 ? "manifest.json" : "state.h5"
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(newest)/\(name)"))
    let place = UInt64(key.integer(2 * trial, below: Int(try file.seekToEnd())))
    func flip() throws {
      try file.seek(toOffset: place)
      let byte = try file.read(upToCount: 1)![0] ^ 1 << UInt8(key.integer(2 * trial + 1, below: 8))
      try file.seek(toOffset: place)
      try file.write(contentsOf: [byte])
    }
    try flip()
    var reports: [String] = []
    let loaded = try store.loadLatest(over: world, report: { reports.append($0) })
    try expect(loaded?.step == 1 && reports.count == 1, "byte \(place) of \(name): step \(loaded?.step ?? 0) was taken")
    try FileManager.default.moveItem(atPath: folder + "/quarantine-step-00000002", toPath: newest)
    try flip()
  }
  try expect(try CheckpointStore.verify(path: newest).step == 2, "all is as before")
}
