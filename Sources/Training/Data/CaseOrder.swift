// The order in which cases are drawn: an endless sequence of epochs, each a fresh permutation of all.

import Cluster
import Tensors

struct CaseOrder {
  private let identifiers: [String]
  private let seed: UInt64
  private let stream: String

  /// - Parameter stream: what the cases are drawn for; other streams have other orders.
  init(_ identifiers: [String], seed: UInt64, stream: String) {
    (self.identifiers, self.seed, self.stream) = (identifiers, seed, stream)
  }

  subscript(position: Int) -> String {
    let epoch = position / identifiers.count
    let key = RandomKey(seed: seed, volume: stream, draw: UInt64(epoch), stream: RandomStream.dataOrder)
    return permuted(identifiers, key: key)[position % identifiers.count]
  }
}
