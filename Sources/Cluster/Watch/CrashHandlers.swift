// What a rank does when it crashes: it marks its flight record, informs the watching ranks, writes one line and dies of the same
// signal. Only what is allowed in a signal handler: stores, arithmetic, send, writev; every text is prepared beforehand.

import Foundation

/// Prepared by `install`; never released.
private struct CrashKit {
  let recorder: Unmanaged<FlightRecorder>
  let peers: UnsafeBufferPointer<Peer>
  /// Sent to the peers, as the last message: its number is the highest.
  let message: UnsafeMutablePointer<SealedHeartbeat>
  /// The line in pieces: "cohort: rank 2 of 3 on lab2 crashed with ", the signal, " in ", the operation, the rest.
  let line: UnsafeMutablePointer<iovec>
  /// The signals' names by number.
  let names: UnsafeMutablePointer<iovec>
}

nonisolated(unsafe) private var kit: UnsafeMutablePointer<CrashKit>?

enum CrashHandlers {
  static let signals = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT]
  private static let stackBytes = 64 << 10

  /// Installs the handlers; from the main thread, which gets a stack for them: a stack overflow leaves none.
  /// - Parameter place: "rank 2 of 3 on lab2".
  static func install(recorder: FlightRecorder, peers: PeerTable, place: String, rank: Int) {
    let message = UnsafeMutablePointer<SealedHeartbeat>.allocate(capacity: 1)
    message.initialize(to: SealedHeartbeat(Heartbeat(.crashed, rank: rank), sequence: .max))
    let prepared = UnsafeMutablePointer<CrashKit>.allocate(capacity: 1)
    prepared.initialize(
      to: CrashKit(
        recorder: .passRetained(recorder), peers: peers.all, message: message,
        line: lasting(["cohort: \(place) crashed with ", "", " in ", "", ". `cohort flight` shows what the ranks did last.\n"]),
        names: lasting((0..<32).map(signalName))))
    kit = prepared
    JobEnd.prepare()

    var stack = stack_t()
    stack.ss_sp = .allocate(byteCount: stackBytes, alignment: 16)
    stack.ss_size = stackBytes
    sigaltstack(&stack, nil)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = handleCrash
    action.sa_flags = SA_ONSTACK | SA_NODEFER | Int32(bitPattern: UInt32(SA_RESETHAND))
    for number in signals { sigaction(number, &action, nil) }
  }

  /// Texts that stay where they are.
  private static func lasting(_ texts: [String]) -> UnsafeMutablePointer<iovec> {
    let pieces = UnsafeMutablePointer<iovec>.allocate(capacity: texts.count)
    for (index, text) in texts.enumerated() {
      (pieces + index).initialize(to: iovec(iov_base: strdup(text), iov_len: text.utf8.count))
    }
    return pieces
  }
}

/// The default action is back in force (SA_RESETHAND): raising the signal again ends the process with it, which mpirun sees.
private func handleCrash(number: Int32) {
  if let kit, JobEnd.claim() {
    kit.pointee.recorder._withUnsafeGuaranteedRef { recorder in
      recorder.markCrash(signal: number)
      kit.pointee.message.pointee.heartbeat.record = recorder.current
      kit.pointee.line[3] = recorder.operationText.pointee
    }
    kit.pointee.message.pointee.heartbeat.signal = number
    for peer in kit.pointee.peers { kit.pointee.message.pointee.send(to: peer.descriptor, key: peer.key) }
    kit.pointee.line[1] = kit.pointee.names[Int(number & 31)]
    _ = writev(STDERR_FILENO, kit.pointee.line, 5)
  }
  raise(number)
}
