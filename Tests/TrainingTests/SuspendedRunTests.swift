// A run whose ranks are stopped and continued, as by a suspended Slurm job, Ctrl-Z and `fg`, or a machine that is frozen: nobody is blamed, and the
// weights are those of a run that was never stopped.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct SuspendedRunTests {
  typealias Trial = FaultTests.Trial

  /// Starts the command in "$@", of whose run "$1" is the folder and "$2" the mark; `pid` prints the process of a rank, `reach` waits for a step.
  static let start = #"""
    run=$1 mark=$2
    shift 2
    "$@" &
    job=$!
    pid() {
      for file in $(grep -lsz "^COHORT_TEST=$mark$" /proc/[0-9]*/environ); do
        grep -qsz "^OMPI_COMM_WORLD_RANK=$1$" "$file" && [ "$(cat "${file%environ}comm")" = cohort ] && file=${file#/proc/} && echo "${file%/environ}"
      done
    }
    # The addresses at which the ranks listen.
    listening() {
      for rank in 0 1 2; do for file in /proc/$(pid $rank)/fd/*; do readlink "$file"; done; done | sed -n 's/socket:\[\(.*\)\]/\1/p' | sort -u |
        while read -r inode; do awk -v i="$inode" '$4 == "0A" && $10 == i { print $2 }' /proc/net/tcp /proc/net/tcp6; done
    }
    reach() { for _ in $(seq 600); do grep -qs "\"step\":$1[,}]" "$run/metrics.jsonl" && return; sleep 0.05; done; echo "no step $1"; }

    """#

  /// Trains on three ranks with a deadline of 2 seconds, to which `script` happens.
  func train(_ trial: Trial, _ launcher: [String], script: String) throws -> (code: Int32, text: String) {
    try runProgram(
      ["bash", "-c", Self.start + script + "\nwait $job", "bash", trial.run, trial.mark] + launcher + [
        "train", trial.file, "method=supervised", "watch.deadline=2", "steps=200", "checkpoint.every=100",
      ], environment: trial.environment())
  }

  var mpirun: [String] { ["mpirun", "--timeout", "300", "-n", "3", builtExecutable("cohort")] }

  @Test func suspendedRunsEndInTheSameBytes() throws {
    try withTemporaryFolder { folder in
      let whole = try Trial(folder + "/whole"), suspended = try Trial(folder + "/suspended"),
        launched = try Trial(folder + "/launched")
      let (code, text) = try train(whole, mpirun, script: #"reach 10; echo "ranks listen at: $(listening).""#)
      try #require(code == 0, "\(text)")
      #expect(text.contains("ranks listen at: ."), "on one host there is nothing for strangers to talk to: \(text)")

      // All at once for longer than silence and deadline together; then one after the other, the last to stop being the first to go on.
      let both = #"""
        reach 10
        first=$(pid 0) second=$(pid 1) third=$(pid 2)
        kill -STOP $first $second $third && sleep 9; kill -CONT $first $second $third
        reach 40
        kill -STOP $first && sleep 1; kill -STOP $second $third && sleep 9
        kill -CONT $third; sleep 5; kill -CONT $first; sleep 1; kill -CONT $second && echo "all went on"
        """#
      let stopped = try train(suspended, mpirun, script: both)
      #expect(stopped.code == 0 && stopped.text.contains("all went on"), "\(stopped.code): \(stopped.text)")
      #expect(suspended.incidents.isEmpty && suspended.survivors == [])
      #expect(try FaultTests().bytes(suspended) == FaultTests().bytes(whole), "the same weights to the last bit")

      // Ctrl-Z in the terminal of mpirun, which stops its ranks and itself.
      let terminal = "reach 10\nkill -TSTP $job; sleep 9; kill -CONT $job && echo 'all went on'"
      let continued = try train(launched, mpirun, script: terminal)
      #expect(continued.code == 0 && continued.text.contains("all went on"), "\(continued.code): \(continued.text)")
      #expect(try FaultTests().bytes(launched) == FaultTests().bytes(whole))
    }
  }
}
