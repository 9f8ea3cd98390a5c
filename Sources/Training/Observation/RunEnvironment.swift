// With what a run runs: libraries, their settings, the program and the configuration, for the start event. Two runs that agree in
// all of it and in the threads of a rank give the same bits.

import Files
import Foundation
import HDF5
import Kernels
import MPI
import Volumes

/// Names and versions, and checksums of program and configuration.
func versions(of configuration: RunConfiguration) -> [String: String] {
  [
    "mpi": Session.library,
    "hdf5": hdf5Version,
    "oneDNN": oneDNNVersion,
    "openBLASCore": openBLASCore,
    // What --mca io NAME or the environment asked for; Open MPI chooses otherwise.
    "mcaIO": ProcessInfo.processInfo.environment["OMPI_MCA_io"] ?? "default",
    "program": (try? fileHash("/proc/self/exe")) ?? "unknown",
    "configuration": hexadecimal(checksum(of: Array(configuration.yaml.utf8))),
  ]
}
