// Study files: what they may hold, in which order points come, and the exact commands.

import Cluster
import Foundation
import TestSupport
import Testing

import Scaling

@Suite struct StudyTests {
  static let yaml = """
    output: study
    run: run.yaml
    overrides: ["patch=[16, 16, 32]"]
    nodes: [4, 1, 2]
    strong: 8
    weak: 2
    allreduce: [4K, 1M]
    threads: 3

    """

  func study(_ yaml: String) throws -> Study { try Study(yaml: yaml, source: "s.yaml") }

  @Test func everyRepeatVisitsEveryPointOnceInAnOrderOfItsOwn() throws {
    let study = try study(Self.yaml), order = study.order
    // 3 strong, 3 weak; one node has no allreduce.
    #expect(order.count == 5 * 8 && Set(order).count == 40)
    let blocks = (0..<5).map { Array(order[$0 * 8..<$0 * 8 + 8]) }
    for (number, block) in blocks.enumerated() { #expect(block.allSatisfy { $0.repetition == number + 1 }) }
    #expect(Set(blocks.map { $0.map { "\($0.kind) \($0.nodes)" } }).count > 1, "the orders differ")
    #expect(try self.study(Self.yaml).order == order, "the seed decides")
    #expect(try self.study(Self.yaml + "seed: 2\n").order != order)
    #expect(
      order.allSatisfy { $0.kind != .weak || $0.lanes == 2 * $0.ranks }
        && order.allSatisfy { $0.kind != .strong || $0.lanes == 8 })
  }

  @Test func commandsAreExact() throws {
    try withTemporaryFolder { folder in
      let hosts = folder + "/hosts", mpirun = mpirunCommand.joined(separator: " ")
      try "# two machines\na slots=8\nb slots=8 # the second\n\n".write(toFile: hosts, atomically: true, encoding: .utf8)
      let yaml = Self.yaml.replacing("[4, 1, 2]", with: "[1, 2]") + "hostfile: \(hosts)\narguments: [--mca, btl, 'self,tcp']\n"
      let study = try study(yaml), point = StudyPoint(kind: .strong, nodes: 2, ranks: 2, lanes: 8, repetition: 1)
      try study.checkNodes()
      #expect(
        study.shown(try study.command(point, program: "/bin/cohort", folder: "f"))
          == "OMP_NUM_THREADS=3 \(mpirun) --hostfile \(hosts) --map-by ppr:1:node --bind-to none -x OMP_NUM_THREADS -n 2 "
          + "--mca btl self,tcp /bin/cohort scale measure run.yaml 'patch=[16, 16, 32]' --lanes 8 --warmup 3 --steps 10 --output f"
      )
      let alone = try self.study(Self.yaml)
      let message = StudyPoint(kind: .allreduce, nodes: 4, ranks: 4, lanes: 0, repetition: 1)
      #expect(
        alone.shown(try alone.command(message, program: "cohort", folder: "f"))
          == "OMP_NUM_THREADS=3 \(mpirun) --oversubscribe --bind-to none -x OMP_NUM_THREADS -n 4 "
          + "cohort scale measure --allreduce 4096,1048576 --output f"
      )
      let slurm = try self.study(yaml + "launcher: srun\nranksPerNode: 2\n")
      #expect(
        try slurm.command(StudyPoint(kind: .weak, nodes: 2, ranks: 4, lanes: 8, repetition: 1), program: "cohort", folder: "f")
          .prefix(7) == [
            "srun", "--mpi=pmix", "--nodes=2", "--ntasks=4", "--ntasks-per-node=2", "--cpus-per-task=3", "--wait=60",
          ])
      let replay = try self.study("output: s\nnodes: [1]\nweak: 1\ncompute: replay:t.json\naveragedValues: 9\ndilation: 4\n")
      #expect(
        try replay.command(StudyPoint(kind: .weak, nodes: 1, ranks: 1, lanes: 1, repetition: 3), program: "cohort", folder: "f")
          .joined(separator: " ").contains("--compute replay:t.json --seed 4 --averaged-values 9 --dilation 4.0 --lanes 1"))
    }
  }

  @Test func moreNodesThanHostsAreRefused() throws {
    try withTemporaryFolder { folder in
      try "a\nb\n".write(toFile: folder + "/hosts", atomically: true, encoding: .utf8)
      let study = try study(Self.yaml + "hostfile: \(folder)/hosts\n")
      #expect(throws: ScalingError.self) { try study.checkNodes() }
    }
  }

  @Test(arguments: [
    ("output: s\nweak: 1\n", "lacks the key \"nodes\""), ("output: s\nnodes: [1]\n", "neither strong nor weak"),
    ("output: s\nnodes: [1]\nweek: 2\n", "did you mean \"weak\""),
    ("output: s\nnodes: [1, x]\nweak: 1\n", "different numbers from 1 to 100000"),
    ("output: s\nnodes: [1, 16]\nstrong: 8\nrun: r\n", "nothing scales beyond the lanes"),
    ("output: s\nnodes: [1]\nweak: 1\nrun: r\nrepeats: 4\n", "from 5 to 1000"),
    ("output: s\nnodes: [1]\nweak: 1\n", "key run is missing"),
    ("output: s\nnodes: [0]\nweak: 1\nrun: r\n", "different numbers from 1 to 100000"),
    ("output: s\nnodes: [1]\nweak: 1\nrun: r\ndilation: 2\n", "are for rehearsals"),
    ("output: s\nnodes: [1]\nweak: 1\ncompute: replay\n", "replay:FILE"),
    ("output: s\nnodes: [1]\nweak: 1\nlauncher: ssh\n", "mpirun, srun"),
    ("output: s\nnodes: [1]\nweak: 1\nrun: r\nallreduce: [4Q]\n", "message sizes"), ("output: [", "not valid YAML"),
    ("", "holds no settings"),
  ]) func mistakesAreNamed(_ yaml: String, _ message: String) throws {
    let error = #expect(throws: ScalingError.self) { try Study(yaml: yaml, source: "s.yaml") }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  /// Every key can be given what it is without being given, and nothing beyond its range.
  @Test func theTableOfKeysIsSound() throws {
    let least = "output: s\nnodes: [1]\nweak: 1\nrun: r\n", names = StudyKeys.all.map { $0.name }
    #expect(Set(names).count == names.count)
    for key in StudyKeys.all where !least.contains("\(key.name):") {
      let text = try #require(key.defaultText)
      if !text.isEmpty { _ = try study(least + "\(key.name): \(text)\n") }
      guard !key.allowed.hasPrefix("a text") && !key.allowed.hasPrefix("a list") else { continue }
      let error = #expect(throws: ScalingError.self) { try study(least + "\(key.name): -1\n") }
      #expect(error?.description.hasPrefix("s.yaml: \(key.name) is \"-1\" but must be \(key.allowed)") == true, "\(key.name)")
    }
    #expect(throws: ScalingError.self) { try study(least + "output: t\n") }
  }

  @Test func messageSizesAreListsOrDoublings() throws {
    #expect(try messageSizes("4K,64K,1M") == [4096, 65536, 1 << 20])
    #expect(try messageSizes("1K..8K") == [1024, 2048, 4096, 8192])
    for bad in ["", "4", "0K", "-8", "4K..2K", "9999999M", "K"] {
      #expect(throws: ScalingError.self, "\(bad)") { try messageSizes(bad) }
    }
  }
}
