// Sets of processors as Linux writes them: `0-3,8,10-11`.

import Foundation

/// Numbers of processors.
package struct ProcessorList: Codable, Sendable, Equatable {
  package let processors: Set<Int>

  package init(_ processors: Set<Int>) { self.processors = processors }

  /// Nil if `text` is no such list.
  package init?(_ text: String) {
    var found: Set<Int> = []
    for part in text.split(separator: ",") {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last, last < 1 << 16 else {
        return nil
      }
      found.formUnion(first...last)
    }
    self.init(found)
  }

  /// The processors that a process of this host may run on: its number or "self". Nil if the system does not report it.
  package init?(allowedTo process: String) {
    let status = systemText("/proc/\(process)/status") ?? ""
    let list = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }?.split(separator: "\t").last
    guard let list else { return nil }
    self.init(String(list))
  }

  /// The processors that this process may run on.
  package static var ofThisProcess: ProcessorList {
    ProcessorList(allowedTo: "self") ?? ProcessorList(Set(0..<ProcessInfo.processInfo.activeProcessorCount))
  }

  /// What a processor of this host shares with its hyper-threads: the lowest of their numbers.
  package static func core(of processor: Int) -> Int {
    let siblings = systemText("/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list")
    return siblings.flatMap { ProcessorList($0) }?.processors.min() ?? processor
  }

  /// The list as Linux writes it, such as 0-3,8.
  package var text: String {
    var runs: [ClosedRange<Int>] = []
    for processor in processors.sorted() {
      if let last = runs.last, last.upperBound == processor - 1 {
        runs[runs.count - 1] = last.lowerBound...processor
      } else {
        runs.append(processor...processor)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
  }
}
