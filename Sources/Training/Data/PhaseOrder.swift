// The order in which unlabelled cases of several phases and vendors are drawn: each phase equally often, of a phase each vendor, of a vendor each case, so
// that phases of which there are few are not drowned by the others.

import Settings
import Volumes

/// How often unlabelled cases are drawn.
public enum UnlabelledSampling: String, Sendable, CaseIterable { case cases, phases }

/// The unlabelled cases of a lane, in the order in which they are drawn.
package struct UnlabelledOrder {
  private let seed: UInt64
  private let stream: String
  /// The cases of each vendor of each phase; one of each where all cases are drawn equally often.
  private let phases: [[[String]]]

  /// - Parameter origins: of the cases; the case counts as one of no phase where it has none.
  package init(_ cases: [String], _ sampling: UnlabelledSampling, origins: [String: CaseOrigin], seed: UInt64, lane: Int) {
    (self.seed, stream) = (seed, "unlabelled lane \(lane)")
    phases =
      sampling == .cases
      ? [[cases]]
      : grouped(cases) { origins[$0]?.phase ?? "" }.map { grouped($0) { origins[$0]?.vendor ?? "" } }
  }

  package subscript(position: Int) -> String {
    let (phase, ofPhase) = element(of: phases, at: position, "phase ")
    let (vendor, ofVendor) = element(of: phases[phase], at: ofPhase, "vendor of phase \(phase) ")
    let cases = phases[phase][vendor]
    let label = phases.count == 1 && phases[0].count == 1 ? "" : "case of \(phase) \(vendor) "
    return CaseOrder(cases, seed: seed, stream: label + stream)[ofVendor]
  }

  /// Which of the elements is drawn at a position, and how often it was drawn before.
  private func element<Value>(of values: [Value], at position: Int, _ label: String) -> (index: Int, count: Int) {
    if values.count == 1 { return (0, position) }
    let order = CaseOrder(values.indices.map(String.init), seed: seed, stream: label + stream)
    return (Int(order[position])!, position / values.count)
  }
}

/// The values with the same key together, in the order of the keys.
private func grouped(_ values: [String], by key: (String) -> String) -> [[String]] {
  Dictionary(grouping: values, by: key).sorted { $0.key < $1.key }.map(\.value)
}
