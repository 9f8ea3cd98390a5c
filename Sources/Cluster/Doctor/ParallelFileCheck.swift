// A checkpoint of 64 MB as in training: written by all ranks into one parallel HDF5 file, forced to the disk, read back and
// verified.

import Foundation
import HDF5
import MPI

let parallelFileCheck = DoctorCheck("parallel file", touchesFiles: true) { world, plan in
  let libraries = try gathered("\(hdf5Version) through \(ParallelIO.title)", over: world)
  let version = sameEverywhere("HDF5", libraries, hint: "install the same libhdf5-openmpi and Open MPI on all hosts") { $0 }
  guard let folder = plan.folder else { return [version, .skipped("parallel write", "no run folder was named (--folder)")] }
  let store = CheckpointStore(folder: "\(folder)/.doctor-checkpoint", keep: 1)
  defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: store.folder) } }
  // All ranks hold the same values, as in training.
  let values = (0..<16_000_000).map { Float($0 & 0xFFFF) }
  let started = ContinuousClock.now
  do {
    _ = try store.save(CheckpointState(step: 1, vectors: [("doctor", values)], index: [], metadata: [:]), over: world)
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    let loaded = try store.loadLatest(over: world)
    guard loaded?["doctor"] == values else {
      return [
        version,
        .problem("parallel write", "64 MB read back differ", hint: "set OMPI_MCA_io=romio321, or take another file system"),
      ]
    }
    return [version, .ok("parallel write", String(format: "64 MB saved in %.1f s and verified", seconds))]
  } catch {
    return [
      version, .problem("parallel write", "\(error)", hint: "see there; if the file system is at fault, take another run folder"),
    ]
  }
}
