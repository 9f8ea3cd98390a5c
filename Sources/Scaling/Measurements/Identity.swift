// What a measurement is worthless without: which program with which settings ran where.

import Foundation
import Kernels
import MPI
import Tensors
import Volumes

/// The program, the settings and the machines of a measurement.
public struct Identity: Codable, Sendable, Equatable {
  /// Hash of all settings that the measured process ran with.
  public var configuration: String
  /// Hash of the program of each rank, each different one once.
  public var binary: [String]
  /// The host of each rank, in rank order.
  public var hosts: [String]
  /// Different running kernels among the hosts: namespaces and containers of one machine share theirs.
  public var machines: Int
  /// MCA parameters of Open MPI that were set for rank 0, without those that mpirun sets for itself.
  public var mcaParameters: [String: String]
  /// The processor type that OpenBLAS chose, each different one once.
  public var blasCore: [String]
  public var threads: Int

  /// Collects the facts from all ranks. Collective.
  /// - Parameter settings: all settings as text.
  public static func gather(settings: String, over world: borrowing Communicator) throws -> Identity {
    let binaries = try world.allgather(text: try fileHash("/proc/self/exe"))
    let cores = try world.allgather(text: openBLASCore)
    let hosts = try world.allgather(text: Communicator.hostName)
    let kernels = try world.allgather(text: bootIdentifier)
    return Identity(
      configuration: textHash(settings), binary: Set(binaries).sorted(), hosts: hosts, machines: Set(kernels).count,
      mcaParameters: mcaParameters, blasCore: Set(cores).sorted(), threads: Threads.count)
  }

  /// A random number that the kernel draws when it starts; the host's name where it cannot be read.
  private static var bootIdentifier: String {
    (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? Communicator.hostName
  }

  private static var mcaParameters: [String: String] {
    let prefix = "OMPI_MCA_",
      varying = ["orte_", "ess", "pmix", "initial_wdir", "shmem_", "plm_base", "rmaps_base_mapping", "routed"]
    var found: [String: String] = [:]
    for (name, value) in ProcessInfo.processInfo.environment where name.hasPrefix(prefix) {
      let parameter = String(name.dropFirst(prefix.count))
      if !varying.contains(where: parameter.hasPrefix) { found[parameter] = value }
    }
    return found
  }
}

/// Sixteen hexadecimal digits.
func textHash(_ text: String) -> String {
  let digits = String(fnv1a64(text), radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
