// Commands on several ranks beside training: a rank that hangs, stops or dies ends all of them, is named once, and leaves its flight record.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct WatchedCommandTests {
  /// Runs the command on two ranks, of which rank 1 gets `signal` a second after its flight record has appeared.
  func run(_ command: [String], in folder: String, signal: String? = nil) throws -> (code: Int32, text: String) {
    let program = "env TMPDIR=\(folder) \(builtExecutable("cohort"))".split(separator: " ").map(String.init)
    let script = #"""
      (for i in $(seq 300); do sleep 0.1; ls "$1"/*/flight/rank-0001.bin > /dev/null 2>&1 && break; done; sleep 1; kill "$2" $$) &
      shift 2; exec "$@"
      """#
    let second = signal.map { ["sh", "-c", script, "sh", folder, "-\($0)"] } ?? []
    return try runProgram(
      ["mpirun", "--timeout", "90", "-n", "1"] + program + command + [":", "-n", "1"] + second + program + command,
      environment: [
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
      ])
  }

  /// That the only message names the rank and what it did, and that `cohort flight` still finds its record: in the run folder, or where the message
  /// says.
  func expectNamed(_ text: String, _ words: String, run: String? = nil) throws {
    let messages = text.split(separator: "\n").filter { $0.hasPrefix("cohort: ") }
    #expect(messages.count == 1 && messages[0].contains("of 2 on \(ProcessInfo.processInfo.hostName) \(words)"), "\(text)")
    let folder = try run ?? String(#require(text.firstMatch(of: #/`cohort flight (\S+)`/#), "\(text)").1)
    let flight = try runAlone(["flight", folder], executable: "cohort")
    #expect(flight.status == 0 && flight.output.contains("\n1 "), "\(flight.output)")
  }

  func folders(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("cohort-") }
  }

  @Test func aPretrainingWhoseRankIsStoppedEnds() throws {
    try withTemporaryFolder { folder in
      let command = ["prior", "pretrain", "--output", folder + "/prior.safetensors", "--lanes", "2"]
      let (code, text) = try run(command + ["--steps", "100000", "--deadline", "3"], in: folder, signal: "STOP")
      #expect(code == 76, "\(code)")
      try expectNamed(
        text, "gives no sign of life (stopped, or its host is frozen or cut off): it was in ",
        run: folder + "/prior.safetensors.run")
    }
  }

  @Test func aCaseThatCannotBeReadIsNamed() throws {
    try withTemporaryFolder { folder in
      let raw = folder + "/raw", packs = folder + "/packs", trained = folder + "/run", file = folder + "/run.yaml"
      let network = "network: {name: unet3d, base: 2}\npatch: [16, 16, 32]"
      try "data: \(packs)\noutput: \(trained)\nmethod: supervised\n\(network)\nsteps: 1\nlanes: 1\n"
        .write(toFile: file, atomically: true, encoding: .utf8)
      for command in [
        ["synthesize", "--output", raw, "--subjects", "8", "--labelled", "2", "--spacing", "4"],
        ["prepare", raw, "--output", packs], ["train", file],
      ] {
        let (status, output) = try runAlone(command, executable: "cohort")
        try #require(status == 0, "\(output)")
      }
      let images = raw + "/imagesTs", input = ["--checkpoint", trained, "--input", images]
      let whole = try run(["predict"] + input + ["--output", folder + "/whole"], in: folder)
      #expect(try whole.code == 0 && folders(in: folder) == [], "\(whole.text)")

      // A file system that does not answer: whoever opens a file under a lease waits until it ends.
      let name = try #require(FileManager.default.contentsOfDirectory(atPath: images).sorted().dropFirst().first)
      var lease = try FileLease("\(images)/\(name)")
      let identifier = name.replacing("_0000.nii.gz", with: "")
      let (hung, message) = try run(["predict"] + input + ["--output", folder + "/hung", "--deadline", "1"], in: folder)
      #expect(hung == 77, "\(hung)")
      try expectNamed(message, "hangs in prediction (\(identifier)) since 1")
      lease.end()

      lease = try FileLease("\(images)/\(name)")
      defer { lease.end() }
      let bias = ["evaluate"] + input + ["--references", raw + "/labelsTs", "--bias", "0.1,0"]
      let (killed, lost) = try run(bias, in: folder, signal: "KILL")
      #expect([76, 137].contains(killed), "\(killed)")
      try expectNamed(lost, "is lost (killed, or its host went down): it was in prediction (\(identifier))")
    }
  }
}
