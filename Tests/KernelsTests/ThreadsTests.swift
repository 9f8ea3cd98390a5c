// Loops over threads do all their parts, and numbers of threads that cannot be meant are refused.

import Kernels
import Synchronization
import Testing

@Suite struct ThreadsTests {
  /// libgomp gives a loop within a loop one thread, and any loop as many as OMP_DYNAMIC and OMP_THREAD_LIMIT let it.
  @Test func aLoopWithinALoopDoesAllItsParts() async {
    await #expect(processExitsWith: .success) {
      Threads.set(4)
      let done = Atomic<Int>(0)
      forEachBlock(4) { _ in
        parallelFor(1000, grain: 1) { start, end in done.add(end - start, ordering: .relaxed) }
      }
      require(done.load(ordering: .relaxed) == 4000, "\(done.load(ordering: .relaxed)) of 4000 passes were made")
    }
  }

  @Test(arguments: ["1", "24", " 4 ", "8,2", "1024"]) func aNumberOfThreadsIsAccepted(_ text: String) {
    #expect(Threads.problem(["OMP_NUM_THREADS": text]) == nil)
  }

  @Test(arguments: ["abc", "1e9", "0", "-2", "", "1025", "4294967296", "99999999999999999999", ",2"])
  func whatIsNoNumberOfThreadsIsNamed(_ text: String) throws {
    let problem = try #require(Threads.problem(["OMP_NUM_THREADS": text]))
    #expect(problem.hasPrefix("OMP_NUM_THREADS is \"") && problem.contains("from 1 to 1024"))
    #expect(Threads.problem([:]) == nil)
  }
}
