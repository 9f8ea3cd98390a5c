// What the doctor reads and how it judges, on made-up hosts.

import Cluster
import Foundation
import Testing

/// `count` ranks on each of the hosts, with the facts that `facts` gives for a rank.
private func placed<Facts>(_ hosts: [String], each count: Int = 1, _ facts: (Int) -> Facts) -> [Placed<Facts>] {
  hosts.enumerated().flatMap { number, host in
    (0..<count).map { Placed(rank: number * count + $0, host: host, facts: facts(number * count + $0)) }
  }
}

@Suite struct SharedNetworkTests {
  private func host(_ name: String, _ addresses: String...) -> (name: String, addresses: [NetworkAddress]) {
    (name, addresses.enumerated().map { NetworkAddress(interface: "eth\($0)", $1)! })
  }

  @Test func theNetworkOfAllHostsIsFound() {
    let hosts = [
      host("a", "127.0.0.1/8", "172.17.0.1/16", "192.168.1.10/24", "10.77.0.1/24"),
      host("b", "127.0.0.1/8", "10.77.0.2/24", "172.17.0.1/16"),
      host("c", "10.77.0.3/24", "192.168.1.11/24"),
    ]
    #expect(sharedNetworks(hosts) == ["10.77.0.0/24"])
    #expect(sharedNetworks([hosts[0], hosts[2]]) == ["192.168.1.0/24", "10.77.0.0/24"])
  }

  /// Docker gives each host the same bridge with the same address: it connects none of them.
  @Test func bridgesInsideHostsConnectNobody() {
    #expect(sharedNetworks([host("a", "172.17.0.1/16"), host("b", "172.17.0.1/16")]) == [])
    #expect(sharedNetworks([host("a", "169.254.1.1/16"), host("b", "169.254.1.2/16")]) == [])
    #expect(sharedNetworks([host("a", "10.0.0.1/24"), host("b", "10.0.0.2/16")]) == [])
    #expect(sharedNetworks([]) == [])
  }

  @Test func addressesAreRead() {
    #expect(NetworkAddress(interface: "e", "192.168.7.130/25")?.network == "192.168.7.128/25")
    #expect(NetworkAddress(interface: "e", "1.2.3.4/0")?.network == "0.0.0.0/0")
    for wrong in ["", "1.2.3/8", "1.2.3.256/8", "1.2.3.4/33", "fe80::1/64"] {
      #expect(NetworkAddress(interface: "e", wrong) == nil)
    }
    let text = """
      1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
      2: eth0    inet 10.77.0.1/24 brd 10.77.0.255 scope global eth0\\       valid_lft forever preferred_lft forever
      garbage
      """
    let found = NetworkAddress.parse(ipOutput: text)
    #expect(found.map(\.interface) == ["lo", "eth0"])
    #expect(found.map(\.network) == ["127.0.0.0/8", "10.77.0.0/24"])
  }

  @Test func theLineForMpirunIsPrinted() throws {
    func facts(_ rank: Int, others: [String] = [], chosen: String? = nil) -> NetworkFacts {
      NetworkFacts(
        addresses: (["10.77.0.\(rank + 1)/24"] + others).enumerated().map { NetworkAddress(interface: "e\($0)", $1)! },
        packetBytes: ["e0": 1500], congestionControl: "cubic", chosen: chosen)
    }
    let line = "--mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24"
    let plain = judgeNetworks(placed(["a", "b"]) { facts($0) })
    #expect(plain.allSatisfy { $0.verdict == .ok } && plain[0].value.contains(line))
    let bridged = judgeNetworks(placed(["a", "b"]) { facts($0, others: ["172.17.0.1/16"]) })
    #expect(bridged[0].verdict == .warning && bridged[0].hint?.contains(line) == true)
    let findings = judgeNetworks(placed(["a", "b"]) { facts($0, others: ["172.17.0.1/16"], chosen: "10.77.0.0/24") })
    #expect(findings[0].verdict == .ok)
    let wrong = judgeNetworks(placed(["a", "b"]) { facts($0, others: ["172.17.0.1/16"], chosen: "172.17.0.0/16") })
    #expect(wrong[0].verdict == .warning)
    let apart = judgeNetworks(
      placed(["a", "b"]) {
        NetworkFacts(
          addresses: [NetworkAddress(interface: "e0", "10.\($0).0.1/24")!], packetBytes: [:], congestionControl: "cubic",
          chosen: nil)
      })
    #expect(apart.map(\.verdict) == [.problem])
  }

  @Test func unequalPacketSizesAreNamed() throws {
    let findings = judgeNetworks(
      placed(["a", "b"]) { rank in
        NetworkFacts(
          addresses: [NetworkAddress(interface: "e0", "10.77.0.\(rank + 1)/24")!], packetBytes: ["e0": rank == 0 ? 1500 : 9000],
          congestionControl: rank == 0 ? "bbr" : "cubic", chosen: nil)
      })
    #expect(findings.map(\.verdict) == [.ok, .problem, .warning])
  }
}

@Suite struct DoctorJudgementTests {
  @Test(arguments: [("0", [0]), ("0-3", [0, 1, 2, 3]), ("0-1,4,6-7", [0, 1, 4, 6, 7])])
  func processorListsAreReadAndWritten(_ text: String, _ processors: [Int]) throws {
    let list = try #require(ProcessorList(text))
    #expect(list.processors.sorted() == processors)
    #expect(list.text == text)
  }

  @Test(arguments: ["a", "3-1", "1-", "-1", "0-99999999"]) func invalidProcessorListsAreRefused(_ text: String) {
    #expect(ProcessorList(text) == nil)
  }

  private func placement(_ masks: [String], threads: Int) -> [Finding] {
    judgePlacement(
      placed(["a"], each: masks.count) {
        PlacementFacts(allowed: ProcessorList(masks[$0])!, threads: threads, domains: [], threadsPerCore: 1)
      })
  }

  @Test func ranksThatShareProcessorsAreNamed() {
    #expect(placement(["0-1", "2-3"], threads: 2).map(\.verdict) == [.ok])
    #expect(placement(["0-3", "0-3"], threads: 2).map(\.verdict) == [.ok])
    #expect(placement(["0-3", "0-3"], threads: 4).map(\.verdict) == [.warning])
    #expect(placement(["0", "0"], threads: 1).map(\.verdict) == [.warning])
    let partly = placement(["0-2", "2-4"], threads: 2)
    #expect(partly.map(\.verdict) == [.warning] && partly[0].value.contains("ranks 0, 1 share"))
  }

  private func arithmetic(_ rates: [Double], _ sums: [[UInt32]], cores: [String]? = nil) -> [Finding.Verdict] {
    judgeArithmetic(
      placed(rates.indices.map { "h\($0)" }) {
        ArithmeticFacts(core: cores?[$0] ?? "Haswell", rate: rates[$0], checksums: sums[$0 % sums.count])
      }
    ).map(\.verdict)
  }

  @Test func slowAndDifferentHostsAreNamed() {
    #expect(arithmetic([100, 95, 98], [[1, 1, 1]]) == [.ok, .ok, .ok])
    #expect(arithmetic([100, 85, 98], [[1, 1, 1]]) == [.ok, .warning, .ok])
    #expect(arithmetic([100, 100], [[1, 1, 1], [2, 2, 2]], cores: ["Haswell", "SkylakeX"]) == [.warning, .ok, .problem])
    #expect(arithmetic([100, 100], [[1, 1, 2]]) == [.ok, .ok, .warning])
  }

  @Test(arguments: 0...9) func everyPairMeetsOnce(_ count: Int) {
    let rounds = roundRobin(count)
    let pairs = rounds.flatMap { $0.map { "\($0.0)-\($0.1)" } }
    #expect(Set(pairs).count == pairs.count && pairs.count == count * max(0, count - 1) / 2)
    for round in rounds { #expect(Set(round.flatMap { [$0.0, $0.1] }).count == 2 * round.count) }
  }

  @Test func slowLinksAreNamed() {
    func links(_ bandwidths: [Double], _ latencies: [Double]) -> [Finding] {
      judgeLinks(
        zip([(0, 1), (0, 2), (1, 2)], zip(bandwidths, latencies)).map {
          Link(from: $0.0, to: $0.1, latency: $1.1, bandwidth: $1.0)
        }, hosts: ["a", "b", "c"])
    }
    #expect(links([1e8, 1.1e8, 0.9e8], [5e-5, 6e-5, 5e-5]).map(\.verdict) == [.ok, .ok])
    let slow = links([1e8, 1e7, 0.9e8], [5e-5, 6e-5, 5e-3])
    #expect(slow.map(\.verdict) == [.warning, .warning])
    #expect(slow[0].value.contains("b and c") && slow[1].value.contains("a and c"))
    #expect(judgeClocks([1: 0.002, 2: -3], hosts: ["a", "b", "c"]).map(\.verdict) == [.warning])
    #expect(judgeClocks([1: 0.002], hosts: ["a", "b"]).map(\.verdict) == [.ok])
  }

  @Test func theMountOfAFolderIsFound() {
    let mounts = Mount.parse(
      """
      22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
      30 22 0:26 / /home rw shared:2 - nfs4 server:/home rw
      31 22 0:27 / /homework rw - tmpfs tmpfs rw
      32 22 0:28 / /mnt/with\\040space rw - xfs /dev/sdb rw
      nonsense
      """)
    #expect(mounts.count == 4)
    #expect(Mount.containing("/home/me/runs", in: mounts)?.type == "nfs4")
    #expect(Mount.containing("/homework", in: mounts)?.type == "tmpfs")
    #expect(Mount.containing("/mnt/with space/x", in: mounts)?.type == "xfs")
    #expect(Mount.containing("/var", in: mounts)?.type == "ext4")
    #expect(Mount.containing("/home", in: mounts)?.isNetwork == true)
  }

  @Test func foldersThatAreNotSharedAreProblems() {
    func judge(_ seen: [Bool], free: Int, wanted: Int? = nil, type: String = "ext4", sync: Double = 0.01) -> [Finding.Verdict] {
      judgeStorage(
        placed(["a", "b"]) { StorageFacts(type: type, isNetwork: false, isSeen: seen[$0], free: free, wanted: wanted) },
        folder: "/runs", syncSeconds: sync
      ).map(\.verdict)
    }
    #expect(judge([true, true], free: 100 << 30) == [.ok, .ok])
    #expect(judge([true, false], free: 100 << 30) == [.problem])
    #expect(judge([true, true], free: 1 << 30) == [.warning, .ok])
    #expect(judge([true, true], free: 1 << 30, wanted: 100 << 20) == [.ok, .ok])
    #expect(judge([true, true], free: 100 << 30, type: "tmpfs", sync: 2) == [.warning, .warning])
  }

  @Test func scarceHostsAreNamed() {
    func judge(memory: Int, shared: Int, files: Int) -> [Finding.Verdict] {
      judgeLimits(
        placed(["a"], each: 2) { _ in
          LimitsFacts(memory: memory, sharedMemory: shared, files: files, stack: 8 << 20, locked: .max)
        }
      ).map(\.verdict)
    }
    #expect(judge(memory: 8 << 30, shared: 1 << 30, files: 4096) == [.ok])
    #expect(judge(memory: 1 << 30, shared: 1 << 30, files: 4096) == [.warning])
    #expect(judge(memory: 8 << 30, shared: 1 << 20, files: 4096) == [.warning])
    #expect(judge(memory: 8 << 30, shared: 1 << 30, files: 256) == [.warning])
  }

  @Test func limitsOfAProcessAreRead() {
    let text = """
      Limit                     Soft Limit           Hard Limit           Units
      Max stack size            8388608              unlimited            bytes
      Max open files            1024                 524288               files
      Max locked memory         unlimited            unlimited            bytes
      """
    #expect(LimitsFacts.limit("Max stack size", in: text) == 8 << 20)
    #expect(LimitsFacts.limit("Max open files", in: text) == 1024)
    #expect(LimitsFacts.limit("Max locked memory", in: text) == .max)
    #expect(LimitsFacts.limit("Max sorrow", in: text) == .max)
  }

  @Test func slurmJobsAreRead() throws {
    let text =
      "JobId=7 JobName=cohort\n   Requeue=1 Restarts=2 BatchFlag=1\n   StartTime=2026-11-21T20:00:00 EndTime=2026-11-21T21:00:00"
    let start = try #require(slurmTime("2026-11-21T20:00:00"))
    let fine = judgeSlurm(job: "7", description: text, now: start)
    #expect(fine.map(\.verdict) == [.ok])
    #expect(fine[0].value == "60 min left, started 3 times, may be queued again")
    #expect(judgeSlurm(job: "7", description: text, now: start + 3500).map(\.verdict) == [.warning])
    #expect(
      judgeSlurm(job: "7", description: text.replacing("Requeue=1", with: "Requeue=0"), now: start).map(\.verdict) == [.warning])
    #expect(judgeSlurm(job: "7", description: nil, now: start).map(\.verdict) == [.warning])
  }

  @Test func settingsLeaveOutWhatDiffersFromRankToRank() {
    let settings = RankFacts.settings([
      "OMPI_MCA_btl": "tcp,self", "OMPI_MCA_ess_base_vpid": "1", "OMP_NUM_THREADS": "2", "PATH": "/bin",
      "OMPI_COMM_WORLD_RANK": "1",
    ])
    #expect(settings == "OMPI_MCA_btl=tcp,self OMP_NUM_THREADS=2")
  }

  @Test func theVerdictCounts() {
    let fine = DoctorReport(findings: [.ok("a", "b"), .warning("c", "d", hint: "e")], seconds: 1)
    #expect(!fine.hasProblems && fine.verdict == "fit to train: 0 problems, 1 warning.")
    let bad = DoctorReport(findings: [.problem("a", "b", hint: "c")], seconds: 1)
    #expect(bad.hasProblems && bad.verdict.hasPrefix("not fit to train: 1 problem, 0 warnings."))
    #expect(Finding.problem("disk", "full", hint: "free it").text.contains("-> free it"))
  }
}
