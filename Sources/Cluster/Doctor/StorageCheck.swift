// The run folder: what it lies on, whether all hosts see the same one, room for checkpoints, how long the disk takes to keep a
// promise.

import Files
import Foundation
import Kernels
import MPI

let storageCheck = DoctorCheck("run folder", touchesFiles: true) { world, plan in
  guard let folder = plan.folder else { return [.skipped("run folder", "none was named (--folder)")] }
  // Rank 0 leaves a file with a name of its own; who sees it sees the same folder.
  let note = "\(folder)/.doctor-\(try world.broadcast(text: world.rank == 0 ? UUID().uuidString : ""))"
  let syncSeconds: Double
  do throws(ClusterError) {
    syncSeconds = try together(over: world) { world in
      guard world.rank == 0 else { return 0 }
      try makeFolder(folder)
      return try durableWriteSeconds(note)
    }
  } catch {
    if error.isCommunication { throw error }
    return [.problem("run folder", error.description, hint: "name a folder that this user may write, on all hosts")]
  }
  defer { if world.rank == 0 { unlink(note) } }
  let isSeen = try appears(note + ".renamed", within: 3, over: world) { try? moveDurably(note, to: note + ".renamed") }
  defer { if world.rank == 0 { unlink(note + ".renamed") } }
  let all = try gathered(StorageFacts(folder, isSeen: isSeen), over: world)
  return world.rank == 0 ? judgeStorage(all, folder: folder, syncSeconds: syncSeconds) : []
}

/// The run folder as a rank sees it.
package struct StorageFacts: Codable, Sendable {
  package let type: String
  package let isNetwork: Bool
  package let isSeen: Bool
  package let free: Int?
  /// Bytes that the checkpoints of the run folder need, and one more; nil if it has none.
  package let wanted: Int?

  package init(type: String, isNetwork: Bool, isSeen: Bool, free: Int?, wanted: Int?) {
    (self.type, self.isNetwork, self.isSeen, self.free, self.wanted) = (type, isNetwork, isSeen, free, wanted)
  }

  init(_ folder: String, isSeen: Bool) {
    let path = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    let mount = Mount.containing(path, in: Mount.parse(systemText("/proc/self/mountinfo") ?? ""))
    let newest = CheckpointStore(folder: folder + "/checkpoints").list().last
    self.init(
      type: mount?.type ?? "unknown", isNetwork: mount?.isNetwork ?? false, isSeen: isSeen, free: freeBytes(folder),
      wanted: newest.map { $0.bytes * 2 })
  }
}

/// Writes 1 MiB five times so that it survives a power cut; the median of the times, seconds.
private func durableWriteSeconds(_ path: String) throws(FileError) -> Double {
  let bytes = [UInt8](repeating: 7, count: 1 << 20)
  var times: [Double] = []
  for _ in 0..<5 {
    let started = ContinuousClock.now
    try writeDurably(bytes, to: path)
    times.append((ContinuousClock.now - started) / .seconds(1))
  }
  return median(times)
}

/// Whether this rank sees a file that rank 0 makes, after some seconds at most: network file systems lag. Collective.
private func appears(
  _ path: String, within seconds: Double, over world: borrowing Communicator, _ make: () -> Void
) throws(MPIError) -> Bool {
  if world.rank == 0 { make() }
  try world.barrier()
  let deadline = ContinuousClock.now + .seconds(seconds)
  while true {
    if FileManager.default.fileExists(atPath: path) { return true }
    if ContinuousClock.now > deadline { return false }
    usleep(50_000)
  }
}

package func judgeStorage(_ all: [Placed<StorageFacts>], folder: String, syncSeconds: Double) -> [Finding] {
  let what = "run folder", facts = all[0].facts
  let blind = all.onePerHost().filter { !$0.facts.isSeen }
  if !blind.isEmpty {
    return [
      .problem(
        what, "\(folder) of \(all[0].host) is not seen on \(blind.map(\.host).joined(separator: ", "))",
        hint: "take a folder on a file system that all hosts share, under the same path")
    ]
  }
  let free = facts.free.map { "\(sizeText($0)) free" } ?? "free space unknown"
  var findings: [Finding] = []
  let value = "\(facts.type), \(free)" + (all.onePerHost().count > 1 ? ", seen by all hosts" : "")
  if let free = facts.free, free < facts.wanted ?? (2 << 30) {
    let need = facts.wanted.map { "the next checkpoints need \(sizeText($0))" } ?? "that is little"
    findings.append(.warning(what, "\(value): \(need)", hint: "free some space, lower checkpoint.keep, or take another disk"))
  } else if facts.type == "tmpfs" {
    findings.append(.warning(what, value, hint: "this folder lies in memory and is lost at a restart: take one on a disk"))
  } else {
    findings.append(.ok(what, value + (facts.isNetwork ? "; a network file system" : "")))
  }
  let sync = String(format: "1 MiB is safe on the disk after %.0f ms", syncSeconds * 1e3)
  findings.append(
    syncSeconds > 1
      ? .warning("disk", sync, hint: "the disk is busy or slow: save less often (checkpoint.every), or take another one")
      : .ok("disk", sync))
  return findings
}
