// Saving and loading checkpoints on different numbers of ranks.

import Cluster
import Foundation
import HDF5
import MPI

let checkpointScenarios = [
  Scenario(name: "checkpoint-save", run: save),
  Scenario(name: "checkpoint-load", run: load),
  Scenario(name: "checkpoint-compare", run: compare),
  Scenario(name: "checkpoint-unwritable", run: saveUnwritable),
  Scenario(name: "parallel-file", run: parallelFile),
]

/// A state that can be recomputed: `count` elements, more than one block from 262,145 on.
func madeUpState(step: Int, count: Int) -> CheckpointState {
  CheckpointState(
    step: step,
    vectors: [
      ("student", (0..<count).map { Float($0) * 0.25 + Float(step) }), ("momentum", (0..<count).map { -Float($0) }),
      ("tiny", [Float(step)]),
    ],
    index: [CheckpointTensor(name: "first.weight", vector: "student", shape: [1, count], offset: 0, count: count)],
    metadata: ["run": "a: 1\nb: ü\n", "empty": ""])
}

/// checkpoint-save FOLDER STEP COUNT BACKEND
private func save(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let store = CheckpointStore(folder: arguments[0], backend: CheckpointBackend(rawValue: arguments[3])!)
  let state = madeUpState(step: Int(arguments[1]) ?? 0, count: Int(arguments[2]) ?? 0)
  let record = try store.save(state, over: world)
  try expect(record.step == state.step && record.bytes > 0, "record: \(record)")
}

/// checkpoint-load FOLDER STEP COUNT [UNSEEN]: every rank gets the state of STEP; STEP -1 stands for none. With UNSEEN, a folder without
/// checkpoints, all ranks but the first look for them there.
private func load(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let step = Int(arguments[1]) ?? 0
  let store = CheckpointStore(folder: arguments.count > 3 && world.rank > 0 ? arguments[3] : arguments[0])
  guard let loaded = try store.loadLatest(over: world) else { return try expect(step == -1, "no checkpoint was found") }
  let expected = madeUpState(step: step, count: Int(arguments[2]) ?? 0)
  try expect(loaded.step == expected.step, "step \(loaded.step) instead of \(step)")
  try expect(loaded.vectors.map(\.name) == expected.vectors.map(\.name), "names of vectors")
  try expect(loaded.vectors.map(\.values) == expected.vectors.map(\.values), "values of vectors")
  try expect(loaded.index == expected.index && loaded.metadata == expected.metadata, "index or metadata")
  try loadToPlaces(store, expected, over: world)
}

/// The second vector and the third are read to where they belong; the first, whose place is too short, as if it had none.
private func loadToPlaces(_ store: CheckpointStore, _ expected: CheckpointState, over world: borrowing Communicator) throws {
  let names = ["momentum", "tiny", "student"]
  let buffers = names.map { name in
    let count = expected[name]!.count - (name == "student" ? 1 : 0)
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
    buffer.initialize(repeating: 7)
    return buffer
  }
  defer { buffers.forEach { $0.deallocate() } }
  let loaded = try store.loadLatest(over: world, into: { _ in Dictionary(uniqueKeysWithValues: zip(names, buffers)) })
  try expect(loaded?.placed == ["momentum", "tiny"] && loaded?.vectors.map(\.name) == ["student"], "what was read where")
  try expect(Array(buffers[0]) == expected["momentum"] && Array(buffers[1]) == expected["tiny"], "values in places")
  try expect(loaded?["student"] == expected["student"] && buffers[2].allSatisfy { $0 == 7 }, "a place of another length")
  try expect(loaded?.metadata == expected.metadata && loaded?.index == expected.index, "index or metadata beside places")
}

/// checkpoint-compare A B [TOLERANCE]: the newest checkpoints of two run folders hold the same step and vectors, bit by bit, and expect the
/// same of the next step; or, with a tolerance, the weights agree within that share of each vector's greatest value. Momenta, which hold the
/// gradients of the last few steps, are then printed and not judged: a voxel that passes a gate in one run alone shows in them at
/// once.
private func compare(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let states = try arguments.prefix(2).map { folder in
    let state = try CheckpointStore(folder: folder + "/checkpoints").loadLatest(over: world)
    guard let state else { throw Broken(description: "\(folder) holds no checkpoint") }
    return state
  }
  let (a, b) = (states[0], states[1]), tolerance = arguments.count > 2 ? Float(arguments[2]) ?? 0 : nil
  try expect(a.step == b.step, "steps \(a.step) and \(b.step)")
  try expect(a.vectors.map(\.name) == b.vectors.map(\.name), "names of vectors")
  var most: (weights: Float, momenta: Float) = (0, 0)
  for (x, y) in zip(a.vectors, b.vectors) {
    try expect(x.values.count == y.values.count, "lengths of \(x.name)")
    let isSame = x.values.withUnsafeBytes { first in y.values.withUnsafeBytes { first.elementsEqual($0) } }
    let scale = x.values.reduce(0) { max($0, abs($1)) }
    let difference = zip(x.values, y.values).reduce(0) { max($0, abs($1.0 - $1.1)) } / max(scale, .leastNormalMagnitude)
    if x.name.hasSuffix(".momentum") {
      most.momenta = max(most.momenta, difference)
      if tolerance != nil { continue }
    } else {
      most.weights = max(most.weights, difference)
    }
    try expect(isSame || tolerance.map { difference <= $0 } == true, "\(x.name) differs by \(difference) of its range")
  }
  if tolerance == nil {
    for key in a.metadata.keys where key.hasSuffix(".averager") || key == "best" {
      try expect(a.metadata[key] == b.metadata[key], "\(key): \(a.metadata[key] ?? "") and \(b.metadata[key] ?? "")")
    }
  }
  print(
    "step \(a.step): \(a.vectors.count) vectors, \(a.vectors.reduce(0) { $0 + $1.values.count }) values, "
      + "difference \(most.weights), of momenta \(most.momenta)")
}

/// checkpoint-unwritable FOLDER TEXT BACKEND: every rank gets the same error, which contains TEXT.
private func saveUnwritable(_ world: borrowing Communicator, _ arguments: [String]) throws {
  var message = ""
  do {
    _ = try CheckpointStore(folder: arguments[0], backend: CheckpointBackend(rawValue: arguments[2])!)
      .save(madeUpState(step: 1, count: 3_000_000), over: world)
  } catch {
    try expect(error.isShared, "an error that not every rank has: \(error)")
    message = error.description
  }
  try expect(message.contains(arguments[1]), "unexpected outcome: \(message)")
  try expect(Set(try world.allgather(text: message)).count == 1, "ranks have different errors")
}

/// parallel-file FILE: each rank writes rows of a matrix, collectively, and reads the rows of the next rank.
private func parallelFile(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let (rank, size) = (world.rank, world.size)
  if rank == 0 {
    try File.create(arguments[0]).closing { (file) throws(H5Error) in
      try file.createDataset("/matrix", of: .float32, extent: [size, 5], storage: .contiguous)
    }
  }
  try world.barrier()
  let file = try File.open(arguments[0], writable: true, over: world)
  try file.closing { (file) throws(H5Error) in
    let row = [Float](repeating: Float(rank), count: 5)
    try row.withUnsafeBufferPointer { (row) throws(H5Error) in
      try file.write(row, to: "/matrix", slab: Slab(start: [rank, 0], count: [1, 5]), collective: size > 1)
    }
  }
  try world.barrier()
  let next = (rank + 1) % size
  var read = [Float](repeating: -1, count: 5)
  try File.open(arguments[0], writable: false, over: world).closing { (file) throws(H5Error) in
    try read.withUnsafeMutableBufferPointer { (read) throws(H5Error) in
      try file.read("/matrix", into: read, slab: Slab(start: [next, 0], count: [1, 5]), collective: size > 1)
    }
  }
  try expect(read == [Float](repeating: Float(next), count: 5), "row \(next): \(read)")
}
