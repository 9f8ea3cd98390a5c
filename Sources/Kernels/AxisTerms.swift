// One axis of "upsample, then convolve": which voxels of the coarse axis, through which taps of the kernel, make up each voxel of
// the fine axis; and the same read backwards. Both upsampling and convolving are sums along one axis at a time, so three such
// tables are all of it.

import CKernels

/// How a coarse axis becomes a fine one.
public enum Upsampling: Hashable, Sendable {
  /// Twice the size, linear between voxel centres, ends clamped (align_corners false).
  case linear
  /// Each voxel so many times.
  case nearest(Int)

  var factor: Int { if case .nearest(let times) = self { times } else { 2 } }

  /// The coarse voxels, with weights, that fine voxel `position` of an axis of `coarse` voxels is made of.
  func sources(_ position: Int, coarse: Int) -> [(voxel: Int, weight: Float)] {
    switch self {
    case .nearest(let times): return [(position / times, 1)]
    case .linear:
      let near = position / 2, far = position % 2 == 0 ? near - 1 : near + 1
      guard (0..<coarse).contains(far) else { return [(near, 1)] }
      return [(near, 0.75), (far, 0.25)]
    }
  }
}

/// The table of one axis with `taps` (odd) taps, centred, zero outside the fine axis.
struct AxisTerms {
  struct Term {
    let fine, tap, voxel: Int
    let weight: Float
  }
  let coarse, fine, taps: Int
  private let terms: [Term]

  init(coarse: Int, taps: Int, upsampling: Upsampling) {
    self.coarse = coarse
    self.taps = taps
    let size = coarse * upsampling.factor
    fine = size
    terms = (0..<size).flatMap { output in
      (0..<taps).flatMap { tap -> [Term] in
        let position = output + tap - taps / 2
        guard (0..<size).contains(position) else { return [] }
        return upsampling.sources(position, coarse: coarse).map {
          Term(fine: output, tap: tap, voxel: $0.voxel, weight: $0.weight)
        }
      }
    }
  }

  /// Coarse voxels that fine voxels in `range` need.
  func voxels(for range: Range<Int>) -> Range<Int> {
    let needed = terms.filter { range.contains($0.fine) }.map(\.voxel)
    return needed.min()!..<needed.max()! + 1
  }

  /// The sum over (tap, coarse voxel) of each fine voxel; `offset` places one of these in the source.
  func forward(_ offset: (_ tap: Int, _ voxel: Int) -> Int) -> [cohort_terms] {
    gathered(count: fine, index: \.fine) { offset($0.tap, $0.voxel) }
  }

  /// The terms of `forward` for one fine voxel.
  func forward(fine: Int, _ offset: (_ tap: Int, _ voxel: Int) -> Int) -> cohort_terms {
    var sum = cohort_terms()
    for term in terms where term.fine == fine { sum.add(weight: term.weight, offset: offset(term.tap, term.voxel)) }
    return sum
  }

  /// The sum over fine voxels of each coarse voxel and tap (tap running fastest); `offset` places one of these in the source.
  func adjoint(_ offset: (_ fine: Int) -> Int) -> [cohort_terms] {
    gathered(count: coarse * taps, index: { $0.voxel * taps + $0.tap }) { offset($0.fine) }
  }

  private func gathered(count: Int, index: (Term) -> Int, offset: (Term) -> Int) -> [cohort_terms] {
    var table = [cohort_terms](repeating: cohort_terms(), count: count)
    for term in terms { table[index(term)].add(weight: term.weight, offset: offset(term)) }
    return table
  }
}

extension cohort_terms {
  mutating func add(weight value: Float, offset place: Int) {
    let k = Int(count)
    withUnsafeMutableBytes(of: &weight) { $0.bindMemory(to: Float.self)[k] = value }
    withUnsafeMutableBytes(of: &offset) { $0.bindMemory(to: Int64.self)[k] = Int64(place) }
    count += 1
  }
}
