// Faults on purpose, for tests and drills: COHORT_FAULT=KIND:rank=R,step=S makes rank R fail that way at the beginning of step S
// (from 1). With `,attempt=N` only in the Nth start by `cohort launch`. A kind of fault is one case here.

import Foundation
import HDF5
import MPI

/// What can be made to go wrong.
public enum FaultKind: String, Sendable, CaseIterable {
  /// Dies at once, as if by kill -9 or the kernel's out-of-memory killer.
  case kill
  /// Stops for ever, watch thread and all, as a frozen host does.
  case stop
  case trap
  case segv
  /// Asks for more memory than there is.
  case memory
  /// The loader never returns.
  case stall
  case error
  case mpiError = "mpi-error"
  case hdf5Error = "hdf5-error"
  /// A bit of a weight is turned over, as faulty memory does; the loop, which holds the weights, does it.
  case flip

  fileprivate func inject(over world: borrowing Communicator) throws {
    switch self {
    case .kill: Foundation.kill(getpid(), SIGKILL)
    case .stop: raise(SIGSTOP)
    case .trap: fatalError("a fault was asked for (\(Fault.variable))")
    case .segv: UnsafeMutablePointer<Int>(bitPattern: 8)!.pointee = 1
    case .memory: UnsafeMutableRawPointer.allocate(byteCount: 1 << 60, alignment: 16).storeBytes(of: 1, as: UInt8.self)
    case .stall: while true { sleep(3600) }
    case .error: throw ClusterError("A fault was asked for. Unset \(Fault.variable).")
    // To nobody. A collective call would first wait for the others.
    case .mpiError: try world.send(0, to: world.size)
    case .flip: break
    case .hdf5Error: try File.open("/nonexistent/\(Fault.variable).h5").closing { _ in }
    }
  }
}

/// The fault of this process, if one is asked for.
public struct Fault: Sendable, Equatable {
  public static let variable = "COHORT_FAULT"

  public let kind: FaultKind
  public let rank: Int
  public let step: Int
  /// The number of the start; nil for every start.
  public let attempt: Int?

  /// Reads the fault from the environment; nil if none is asked for.
  public init?(environment: [String: String] = ProcessInfo.processInfo.environment) throws(ClusterError) {
    guard let text = environment[Self.variable] else { return nil }
    try self.init(text)
  }

  package init(_ text: String) throws(ClusterError) {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    var numbers: [String: Int] = [:]
    for pair in parts.dropFirst().joined().split(separator: ",") {
      let sides = pair.split(separator: "=", maxSplits: 1)
      numbers[String(sides[0])] = sides.count == 2 ? Int(sides[1]) : nil
    }
    guard let kind = parts.first.flatMap(FaultKind.init), let rank = numbers["rank"], let step = numbers["step"],
      Set(numbers.keys).isSubset(of: ["rank", "step", "attempt"])
    else {
      throw ClusterError(
        "\(Self.variable) is \"\(text)\": write KIND:rank=R,step=S, with one of the kinds "
          + FaultKind.allCases.map(\.rawValue).joined(separator: ", ") + ", or unset it.")
    }
    (self.kind, self.rank, self.step, attempt) = (kind, rank, step, numbers["attempt"])
  }

  /// Fails if this is the rank and the step.
  /// - Returns: whether it is.
  public func inject(step: Int, over world: borrowing Communicator) throws -> Bool {
    guard step == self.step, world.rank == rank, attempt == nil || attempt == currentAttempt else { return false }
    try kind.inject(over: world)
    return true
  }
}
