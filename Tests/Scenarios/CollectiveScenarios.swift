// Every collective against its closed form.

import MPI

let collectiveScenarios = [
  Scenario(name: "nothing") { world, _ in print("rank \(world.rank) of \(world.size)") },
  Scenario(name: "io-layer") { world, _ in if world.rank == 0 { print(ParallelIO.title) } },
  Scenario(name: "collectives") { world, _ in
    try reductions(world)
    try messages(world)
    try duplicates(world)
    try pairs(world)
  },
]

private func reductions(_ world: borrowing Communicator) throws {
  let (rank, size) = (world.rank, world.size)
  let count = 100_003
  var floats = (0..<count).map { Float($0 % 97 * (rank + 1)) }
  try world.allreduce(&floats, .sum)
  let triangle = size * (size + 1) / 2
  try expect(floats.indices.allSatisfy { floats[$0] == Float($0 % 97 * triangle) }, "sum of Float")
  var integers = [Int64(rank) << 40, -1]
  try world.allreduce(&integers, .sum)
  try expect(integers == [Int64(size * (size - 1) / 2) << 40, Int64(-size)], "sum of Int64: \(integers)")
  try expect(try world.allreduce(0.5, .sum) == 0.5 * Double(size), "sum of Double")
  try expect(try world.allreduce(Double(rank), .maximum) == Double(size - 1), "maximum of Double")
  try expect(try world.allreduce(UInt64(1) << UInt64(rank), .bitwiseOr) == (1 << UInt64(size)) - 1, "bitwise or")
  var none: [Float] = []
  try world.allreduce(&none, .sum)
  // Few values, counts that the ranks do not divide, several pieces; over a network a ring for three ranks, halving and doubling for two and four.
  for count in [0, 1, size - 1, 8192, 100_003, 2_500_001] {
    let addends = (0..<count).map { Int64($0 % 97 * (rank + 1)) << 30 }
    let sum = (0..<count).map { Int64($0 % 97 * triangle) << 30 }
    var values = addends
    try world.allreduce(&values, .sum)
    try expect(values == sum, "sum of \(count) Int64")
    values = addends
    try values.withUnsafeMutableBufferPointer { try world.allreduceOverNetwork($0, .sum) }
    try expect(values == sum, "sum of \(count) Int64 over a network")
    // Numbers that a sum cannot be mistaken for: the sources come in rank order.
    var results = [Float](repeating: -1, count: count)
    try addends.withUnsafeBufferPointer { addends in
      try results.withUnsafeMutableBufferPointer { results in
        try world.allreduce(addends, into: results) { sources, results in
          for index in results.indices {
            results[index] = sources.enumerated().reduce(0) { $0 + Float(($1.offset + 1) * Int($1.element[index] >> 30)) }
          }
        }
      }
    }
    let weight = (1...size).reduce(0) { $0 + $1 * $1 }
    try expect(results.indices.allSatisfy { results[$0] == Float($0 % 97 * weight) }, "\(count) results of the caller's making")
  }
  try world.barrier()
}

private func messages(_ world: borrowing Communicator) throws {
  let (rank, size) = (world.rank, world.size)
  let last = size - 1
  var values = (0..<3_000_000).map { rank == last ? Float($0) : -1 }
  try world.broadcast(&values, from: last)
  try expect(values.first == 0 && values.last == 2_999_999, "broadcast of Float")
  try expect(try world.broadcast(text: rank == last ? "größer" : "", from: last) == "größer", "broadcast of a text")
  try expect(try world.broadcast(bytes: [], from: 0).isEmpty, "broadcast of nothing")
  let gathered = try world.gather(bytes: [UInt8](repeating: UInt8(rank), count: rank * 70_000))
  if rank == 0 {
    try expect(gathered?.map(\.count) == (0..<size).map { $0 * 70_000 }, "lengths of gathered messages")
    try expect(
      gathered?.enumerated().allSatisfy { number, bytes in bytes.allSatisfy { Int($0) == number } } == true, "gathered bytes")
  } else {
    try expect(gathered == nil, "only rank 0 gathers")
  }
  try expect(try world.allgather(text: "rank \(rank)") == (0..<size).map { "rank \($0)" }, "allgather of texts")
}

/// Parts of a world, and messages of different lengths both ways between two ranks; a rank that is left over talks to itself.
private func pairs(_ world: borrowing Communicator) throws {
  let part = try world.split(color: world.rank / 2), other = part.size - 1 - part.rank
  try expect(part.size == min(2, world.size - world.rank / 2 * 2) && part.rank == world.rank % 2, "a part has its ranks in order")
  for (mine, theirs) in [(0, 3), (3, 0), (1, 400_000)].map({ part.rank == 0 ? ($0.0, $0.1) : ($0.1, $0.0) }) where part.size == 2
  {
    let sent = [UInt8](repeating: UInt8(world.rank), count: mine)
    var received = [UInt8](repeating: 99, count: theirs)
    try sent.withUnsafeBytes { sent in
      try received.withUnsafeMutableBytes { try part.exchange(sent, for: $0, with: other) }
    }
    try expect(received.allSatisfy { $0 == UInt8(world.rank ^ 1) }, "\(theirs) bytes for \(mine)")
  }
  try part.close()
}

private func duplicates(_ world: borrowing Communicator) throws {
  let copy = try world.duplicate()
  try expect(copy.rank == world.rank && copy.size == world.size, "a duplicate has the same ranks")
  try expect(try copy.allreduce(Int64(1), .sum) == Int64(copy.size), "sum over a duplicate")
  try copy.close()
  let alone = Communicator.alone
  try expect(alone.size == 1 && alone.rank == 0, "alone is one rank")
  try expect(try alone.allgather(text: "x") == ["x"], "alone gathers itself")
  try expect(try alone.allreduce(2.5, .sum) == 2.5, "alone sums itself")
}
