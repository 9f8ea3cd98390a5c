// Spearman's rank correlation.

import Metrics
import Testing

@Suite struct RankCorrelationTests {
  @Test func ranks() throws {
    #expect(rankCorrelation([1, 2, 3, 4], [10, 20, 21, 400]) == 1)
    #expect(rankCorrelation([1, 2, 3, 4], [4, 3, 2, 1]) == -1)
    // scipy.stats.spearmanr([1, 2, 2, 5, 4], [3, 1, 4, 4, 9])
    #expect(abs(try #require(rankCorrelation([1, 2, 2, 5, 4], [3, 1, 4, 4, 9])) - 0.605263157894737) < 1e-9)
  }

  @Test func tooFewOrConstant() {
    #expect(rankCorrelation([1, 2], [1, 2]) == nil)
    #expect(rankCorrelation([1, 1, 1], [1, 2, 3]) == nil)
  }
}
