// The first stage of saving: rank 0 creates `state.h5` serially with the whole layout, so that the parallel stage writes nothing but values.

import Files
import Foundation
import HDF5
import MPI

extension CheckpointStore {
  /// Rank 0 creates `state.h5` with everything but the vectors' values; all ranks get the manifest with the place of each vector.
  func layOut(
    _ state: CheckpointState, in temporary: String, over communicator: borrowing Communicator
  ) throws(ClusterError) -> CheckpointManifest {
    var draft: [UInt8] = []
    let (rank, ranks) = (communicator.rank, communicator.size)
    try together(over: communicator) { _ in
      guard rank == 0 else { return }
      let manifest = try createState(state, in: temporary, ranks: ranks)
      draft = try clustered { () throws(FileError) in try seal(manifest) }
    }
    try clustered { () throws(MPIError) in draft = try communicator.broadcast(bytes: draft) }
    return try clustered { () throws(FileError) in
      try unseal(draft, as: CheckpointManifest.self, path: "the layout of \(temporary)")
    }
  }

  private func createState(_ state: CheckpointState, in temporary: String, ranks: Int) throws(ClusterError) -> CheckpointManifest
  {
    for (name, values) in state.vectors where values.isEmpty {
      throw ClusterError("The vector \(name) is empty. Leave it out of the checkpoint.")
    }
    try CheckpointPoint.begin.reach()
    try lease?.requireHeld()
    try clustered { () throws(FileError) in try makeFolder(folder) }
    let bytes = state.vectors.reduce(0) { $0 + $1.values.count * MemoryLayout<Float>.stride }
    try requireSpace(for: bytes)
    try? FileManager.default.removeItem(atPath: temporary)
    try clustered { () throws(FileError) in try makeFolder(temporary) }
    let (index, metadata) = (try json(state.index), try json(state.metadata))
    var manifest = CheckpointManifest(
      step: state.step, created: Date().formatted(.iso8601),
      writerRanks: backend.chosen(for: bytes, in: folder) == .gather ? 1 : ranks, vectors: [])
    let path = "\(temporary)/\(CheckpointManifest.stateName)"
    manifest.vectors = try clustered { () throws(H5Error) in
      try File.create(path, alignment: manifest.blockBytes).closing { (file) throws(H5Error) in
        try file.setAttribute("format", of: "/", CheckpointManifest.format)
        try file.setAttribute("step", of: "/", state.step)
        try file.write(text: index, to: "/index")
        try file.write(text: metadata, to: "/metadata")
        try file.createGroup("/vec")
        return try state.vectors.map { (name, values) throws(H5Error) in
          try file.createDataset("/vec/\(name)", of: .float32, extent: [values.count], storage: .contiguous)
          return CheckpointManifest.Vector(
            name: name, count: values.count, byteOffset: try file.byteOffset(of: "/vec/\(name)"), blocks: [])
        }
      }
    }
    try CheckpointPoint.layout.reach()
    return manifest
  }

  /// A fifth more than the vectors need must be free.
  private func requireSpace(for bytes: Int) throws(ClusterError) {
    var facts = statvfs()
    guard statvfs(folder, &facts) == 0 else { return }
    let free = Int(facts.f_bavail) * Int(facts.f_frsize)
    guard free >= bytes + bytes / 5 else {
      throw ClusterError(
        "\(folder) has \(free >> 10) KiB free where a checkpoint needs \((bytes + bytes / 5) >> 10) KiB. Free some space or keep fewer checkpoints."
      )
    }
  }

  private func json<Value: Encodable>(_ value: Value) throws(ClusterError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
      throw ClusterError("Cannot write \(Value.self) as JSON: \(error). Look for a number that is not finite.")
    }
  }
}
