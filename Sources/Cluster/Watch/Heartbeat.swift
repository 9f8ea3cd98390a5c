// The one message of the watch: what a rank is doing, sent every second between rank 0 and each other rank over plain TCP.

/// A message of the watch; it travels as its bytes in memory.
package struct Heartbeat: BitwiseCopyable {
  package enum Kind: UInt8 {
    /// The first of a connection.
    case hello
    case heartbeat
    /// The sender has done its work and leaves in peace.
    case goodbye
    /// The sender, or a rank that it received this from, has printed why the job ends: nobody else need.
    case reported
    /// The sender has crashed and has printed that.
    case crashed
  }
  /// The secret of this job: a stranger on the same port does not have it.
  var token: UInt64
  var kind: UInt8
  /// Whether the rank is inside an MPI call.
  package var isInMPI = false
  var rank: Int32
  /// The signal of a crash; 0 without one.
  var signal: Int32 = 0
  /// How long the last operation has lasted, or its last piece, seconds.
  package var seconds = 0.0
  /// The longest that a piece of this phase has taken on this rank before, seconds; 0 if none has ended.
  package var longest = 0.0
  package var record = FlightRecord()

  package init(_ kind: Kind, token: UInt64, rank: Int) {
    self.token = token
    self.kind = kind.rawValue
    self.rank = Int32(rank)
  }

  static let bytes = MemoryLayout<Heartbeat>.size
}
