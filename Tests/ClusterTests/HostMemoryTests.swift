// When a step is refused for lack of memory, and the message's hint.

import Cluster
import Files
import Testing

@Suite struct HostMemoryTests {
  let gibibyte = 1 << 30

  func problem(_ standard: Int, _ lean: Int, isLean: Bool = false, available: Int, ranks: Int = 1) -> String? {
    HostMemory.problem(
      standard: standard * gibibyte, lean: lean * gibibyte, isLean: isLean, available: available * gibibyte, ranks: ranks)
  }

  @Test func aStepThatFitsIsAccepted() {
    #expect(problem(8, 4, available: 8) == nil)
    #expect(problem(8, 4, isLean: true, available: 4) == nil)
    #expect(problem(8, 4, available: 32, ranks: 4) == nil)
  }

  @Test func suggestsLeanMemoryWhereThatSuffices() throws {
    let text = try #require(problem(8, 4, available: 6))
    #expect(text.contains("8.0 GiB") && text.contains("6.0 GiB") && text.contains("take memory: lean, which needs 4.0 GiB"))
  }

  @Test func suggestsASmallerPatchOrFewerRanksOtherwise() throws {
    let alone = try #require(problem(8, 4, isLean: true, available: 3))
    #expect(
      alone.contains("4.0 GiB") && alone.contains("smaller patch") && !alone.contains("memory: lean") && !alone.contains("ranks"))
    let many = try #require(problem(8, 4, available: 12, ranks: 4))
    #expect(many.contains("each of the 4 ranks of this host has 3.0 GiB") && many.contains("fewer ranks on a host"))
  }

  @Test func theHostReportsItsMemory() throws {
    let available = try #require(FreeMemory.availableBytes)
    #expect(available > 1 << 20 && available < 1 << 46)
  }
}
