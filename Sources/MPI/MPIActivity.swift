// Whether this process is inside an MPI call: there a rank waits for others, which distinguishes the one that hangs from those that
// wait for it.

import Synchronization

public enum MPIActivity {
  private static let calls = Atomic<Int>(0)

  /// Whether this process is inside a call; may be asked from any thread.
  public static var isInside: Bool { calls.load(ordering: .relaxed) > 0 }

  static func enter() { calls.add(1, ordering: .relaxed) }
  static func leave() { calls.subtract(1, ordering: .relaxed) }
}
