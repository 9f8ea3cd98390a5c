// The processes that prepare a data set together. This module knows no MPI: whoever starts several processes says how they talk.

import Foundation
import Volumes

/// Processes that run the same program. Every method is called by all of them in the same order; what one throws, all throw.
public protocol PreparationTeam {
  var rank: Int { get }
  var size: Int { get }
  /// What the first process makes of `body`, on every process; the others do not run it.
  func first<Value: Codable>(_ body: () throws -> Value) throws -> Value
  /// What every process makes of its `body`, in the order of the processes, on every process.
  func all<Value: Codable>(_ body: () throws -> Value) throws -> [Value]
  /// Notes what this process begins.
  func mark(_ what: String)
}

/// This process alone.
public struct SoloTeam: PreparationTeam {
  public init() {}
  public var rank: Int { 0 }
  public var size: Int { 1 }
  public func first<Value: Codable>(_ body: () throws -> Value) throws -> Value { try body() }
  public func all<Value: Codable>(_ body: () throws -> Value) throws -> [Value] { [try body()] }
  public func mark(_ what: String) {}
}

extension PreparationTeam {
  /// The result of every item, in the order of the items: the team shares them out so that each has about as many bytes to work on.
  ///
  /// - Parameter work: is called with an item and its number.
  package func share<Item, Value: Codable>(
    _ items: [Item], bytes: [Int], _ work: (Int, Item) throws -> Value
  ) throws -> [Value] {
    let owners = dealt(bytes, to: size)
    let found = try all {
      try items.indices.filter { owners[$0] == rank }.map { Numbered(number: $0, value: try work($0, items[$0])) }
    }
    return found.joined().sorted { $0.number < $1.number }.map(\.value)
  }
}

private struct Numbered<Value: Codable>: Codable {
  let number: Int
  let value: Value
}

/// Who of `count` takes each item: the largest first, each to whoever has least so far.
package func dealt(_ bytes: [Int], to count: Int) -> [Int] {
  var owners = [Int](repeating: 0, count: bytes.count), loads = [Int](repeating: 0, count: count)
  for item in bytes.indices.sorted(by: { (-bytes[$0], $0) < (-bytes[$1], $1) }) {
    let owner = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) }!
    owners[item] = owner
    // Every item costs something, whatever its size.
    loads[owner] += max(bytes[item], 1)
  }
  return owners
}
