// When a run is started again and where: the policy and the hostfile without processes.

import Cluster
import Foundation
import TestSupport
import Testing

@Suite struct RestartPolicyTests {
  func incident(_ step: Int, host: String = "lab2", code: ExitCode = .rankLost) -> Incident {
    let text = """
      {"time": "", "attempt": 1, "kind": "lost", "rank": 2, "host": "\(host)", "step": \(step), "operation": "", "message": "",
      "exitCode": \(code.rawValue), "reporter": 0, "ranks": []}
      """
    return try! JSONDecoder().decode(Incident.self, from: Data(text.utf8))
  }
  func attempt(_ code: Int32, from: Int = 0, to: Int = 0, _ incident: Incident? = nil) -> Attempt {
    Attempt(code: code, stepBefore: from, stepAfter: to, incident: incident)
  }

  @Test(arguments: [0, 1, 3, 4, 75, 78, 79] as [Int32]) func finalCodesArePassedOn(_ code: Int32) {
    var policy = RestartPolicy(retries: 100)
    #expect(policy.decide(after: attempt(code), isStopping: false) == .end(code: code, reason: ""))
  }

  @Test func lostRanksAreRestartedWithGrowingRests() {
    var policy = RestartPolicy(retries: 8)
    let codes: [Int32] = [76, 77, 137, 139, 76, 76, 76, 76, 76]
    let decisions = codes.enumerated().map { number, code in
      policy.decide(after: attempt(code, from: number * 10, to: number * 10 + 10, incident(number * 10 + 15)), isStopping: false)
    }
    #expect(decisions.dropLast() == [1, 2, 4, 8, 16, 32, 60, 60].map { .restart(afterSeconds: $0) })
    #expect(decisions.last == .end(code: 76, reason: "it was started again 8 times already"))
  }

  @Test func theIncidentsCodeOverridesTheLaunchers() {
    var policy = RestartPolicy(retries: 100)
    #expect(policy.decide(after: attempt(1, incident(3)), isStopping: false) == .restart(afterSeconds: 1))
    #expect(policy.decide(after: attempt(137, incident(3, code: .fatal)), isStopping: false) == .end(code: 78, reason: ""))
  }

  @Test func crashLoopsEnd() {
    var same = RestartPolicy(retries: 100), fruitless = RestartPolicy(retries: 100)
    var ends: [RestartPolicy.Decision] = []
    for number in 1...3 {
      ends = [same.decide(after: attempt(76, from: number, to: number + 1, incident(17)), isStopping: false)]
    }
    for number in 1...3 { ends += [fruitless.decide(after: attempt(76, incident(number)), isStopping: false)] }
    let isFatal = ends.map { if case .end(78, let reason) = $0 { !reason.isEmpty } else { false } }
    #expect(isFatal == [true, false, false, true])
  }

  @Test func aStopSignalEndsTheRestarts() {
    var policy = RestartPolicy(retries: 100)
    #expect(
      policy.decide(after: attempt(76, incident(5)), isStopping: true)
        == .end(code: 76, reason: "it failed while it was being stopped"))
  }

  @Test func aStopThatFoundNoHandlerYetIsAStop() {
    var policy = RestartPolicy(retries: 100)
    #expect(policy.decide(after: attempt(128 + SIGUSR1), isStopping: true) == .end(code: 75, reason: ""))
  }

  @Test func hostsNamedInTwoFailuresAreAvoided() {
    var policy = RestartPolicy(retries: 100)
    for (step, host) in [(1, "lab2"), (2, "lab3"), (3, "lab2")] {
      _ = policy.decide(after: attempt(76, to: step, incident(step, host: host)), isStopping: false)
    }
    #expect(policy.badHosts == ["lab2"])
  }
}

@Suite struct HostsTests {
  @Test func eachLineOfAHostfileIsAHost() throws {
    let hosts = try Hostfile(text: "# mine\nlab1 slots=8  # big\n\nlab2 max_slots=4\n", source: "hosts")
    #expect(hosts.hosts.map(\.name) == ["lab1", "lab2"] && hosts.slots == 9)
    #expect(hosts.text == "lab1 slots=8\nlab2 slots=1\n")
    for text in ["", "# nobody\n", "lab1 slots=0", "lab1 slots=many", "lab1 fast"] {
      #expect(throws: ClusterError.self) { try Hostfile(text: text, source: "hosts") }
    }
  }

  /// What ssh and mpirun would take for an option, a shell or another file.
  @Test func whatIsNoHostNameIsRefusedByItsLine() throws {
    let text = "lab1 slots=2\r\n# a comment\r\n-oProxyCommand=touch${IFS}x slots=2\r\nlab2;reboot\r\nme@-x\r\nlab3\r\n"
    let error = #expect(throws: ClusterError.self) { try Hostfile(text: text, source: "hosts") }
    let message = try #require(error?.description)
    for part in ["line 3 (-oProxyCommand", "line 4 (lab2;reboot)", "line 5 (me@-x)", "hosts names a machine"] {
      #expect(message.contains(part), "\(message)")
    }
    #expect(error?.exitCode == 3 && !message.contains("lab3"))
    for name in ["lab1", "lab-1.example.org", "10.77.0.1", "fe80::1", "::1", "me.too@lab_2", "9front"] {
      #expect(isHostName(name), "\(name)")
    }
    for name in ["", "-x", "--", ".", "..", "a b", "a/b", "$(x)", "läb", "@lab", "me@", "-me@lab", "a@b@c", "lab\u{7}", "*"] {
      #expect(!isHostName(name), "\(name)")
    }
  }

  @Test func theHostfilesOfTheRepositoryAreRead() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../hostfiles").path
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasSuffix(".md") }
    #expect(!files.isEmpty)
    for file in files { _ = try Hostfile(text: String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8), source: file) }
  }

  /// `agent` in place of ssh: machines named good answer, others do not.
  @Test func onlyHostsThatAnswerAreUsed() throws {
    try withTemporaryFolder { folder in
      let agent = folder + "/agent"
      try "#!/bin/bash\ncase $1 in good*) echo \"host-$1\" ;; *) exit 255 ;; esac\n".write(
        toFile: agent, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: agent)
      let hosts = try Hostfile(text: "localhost slots=2\ngood1\nbad\ngood2\n", source: "hosts")
      let localName = ProcessInfo.processInfo.hostName
      #expect(hosts.answering(agent: [agent]) == ["localhost": localName, "good1": "host-good1", "good2": "host-good2"])
    }
  }
}
