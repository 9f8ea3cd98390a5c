// Pairs of the samples of a lane, for methods that mix two crops.

import Preparation

extension [Sample] {
  /// Sample i with sample i + n/2.
  /// - Parameter kind: labelled or unlabelled, as the run file's `batch` names them.
  func pairs(_ kind: String, for method: any Method.Type) throws(MethodError) -> [(Sample, Sample)] {
    let half = count / 2
    guard half > 0, count % 2 == 0 else {
      throw MethodError("method \(method.name) mixes pairs of \(kind) crops: set batch.\(kind) to an even number, not \(count).")
    }
    return (0..<half).map { (self[$0], self[$0 + half]) }
  }
}
