// One number from one rank to another: for measuring, where a collective would involve everybody.

import CMPI

extension Communicator {
  /// Sends a number to rank `destination`, which calls `receiveNumber(from:)`.
  public func send(_ number: Double, to destination: Int) throws(MPIError) {
    guard let handle else { return }
    var number = number
    // int MPI_Send(const void *buf, int count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm)
    try mpi("MPI_Send") { MPI_Send(&number, 1, cohort_mpi_double(), Int32(destination), 0, handle) }
  }

  /// Waits for a number that rank `source` sends.
  public func receiveNumber(from source: Int) throws(MPIError) -> Double {
    guard let handle else { return 0 }
    var number = 0.0
    // int MPI_Recv(void *buf, int count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm, MPI_Status *status)
    try mpi("MPI_Recv") { MPI_Recv(&number, 1, cohort_mpi_double(), Int32(source), 0, handle, cohort_mpi_status_ignore()) }
    return number
  }
}
