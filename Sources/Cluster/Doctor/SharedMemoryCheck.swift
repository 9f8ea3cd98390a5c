// Whether ranks of one host can copy from each other's memory, as Open MPI does with large messages; containers often forbid it
// (open-mpi/ompi issue 4948).

import Foundation
import MPI

let sharedMemoryCheck = DoctorCheck("shared memory") { world, _ in
  let secret = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  defer { secret.deallocate() }
  secret.pointee = marker(world.rank)
  let places = try gathered(Place(process: getpid(), address: UInt(bitPattern: secret)), over: world)
  let place = places[world.rank]
  let neighbour = places.first { $0.host == place.host && $0.rank > place.rank } ?? places.first { $0.host == place.host }!
  let error = neighbour.rank == place.rank ? nil : readError(neighbour.facts, expecting: marker(neighbour.rank))
  let isAlone = neighbour.rank == place.rank
  // Nobody frees its number before all have read it.
  let outcomes = try gathered(Outcome(isAlone: isAlone, error: error), over: world)
  return world.rank == 0 ? judge(outcomes) : []
}

private struct Place: Codable, Sendable {
  let process: Int32
  let address: UInt
}

private struct Outcome: Codable, Sendable {
  let isAlone: Bool
  let error: String?
}

/// A number that is not there by chance.
private func marker(_ rank: Int) -> UInt64 { 0x9E37_79B9_7F4A_7C15 &* UInt64(rank + 1) }

/// ssize_t process_vm_readv(pid_t, const struct iovec *local, unsigned long, const struct iovec *remote, unsigned long, unsigned
/// long flags); Swift sees only what POSIX declares, so it is looked up by name.
private typealias ProcessRead = @convention(c) (pid_t, UnsafePointer<iovec>, UInt, UnsafePointer<iovec>, UInt, UInt) -> Int

/// Why a number of another process cannot be read; nil if it can.
private func readError(_ place: Place, expecting expected: UInt64) -> String? {
  guard let address = dlsym(nil, "process_vm_readv") else { return "this system has no process_vm_readv" }
  let read = unsafeBitCast(address, to: ProcessRead.self)
  var found: UInt64 = 0
  let count = withUnsafeMutableBytes(of: &found) { bytes in
    var here = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
    var there = iovec(iov_base: UnsafeMutableRawPointer(bitPattern: place.address), iov_len: bytes.count)
    return read(place.process, &here, 1, &there, 1, 0)
  }
  guard count == MemoryLayout<UInt64>.size else { return String(cString: strerror(errno)) }
  return found == expected ? nil : "another process answers to the same number"
}

private func judge(_ all: [Placed<Outcome>]) -> [Finding] {
  let what = "copies between ranks"
  if let failed = all.first(where: { $0.facts.error != nil }), let error = failed.facts.error {
    let scope = systemText("/proc/sys/kernel/yama/ptrace_scope").map { " (ptrace_scope \($0))" } ?? ""
    return [
      .warning(
        what, "not allowed on \(failed.host): \(error)\(scope)",
        hint: "--mca btl_vader_single_copy_mechanism none, or give the container the capability SYS_PTRACE")
    ]
  }
  return all.allSatisfy(\.facts.isAlone)
    ? [.skipped(what, "one rank on each host")] : [.ok(what, "allowed (process_vm_readv)")]
}
