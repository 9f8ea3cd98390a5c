// A frozen prior as class probabilities, and how far a student is from them. `count` voxels of K classes, of which K - 1 are foreground.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

private let grain = 1 << 12
/// The lower bound of a probability below a logarithm.
private let least: Float = 1e-7

/// Class probabilities [count, K] of a prior's logits [count, K - 1] at a temperature: the sigmoid of each present class, the product of
/// their complements for background, normalised.
public func priorProbabilities(
  _ logits: UnsafePointer<Float>, isPresent: [Bool], temperature: Float, into p: UnsafeMutablePointer<Float>, count: Int
) {
  let classes = isPresent.count + 1
  parallelFor(count, grain: grain) { start, end in
    for voxel in start..<end {
      let row = p + voxel * classes, z = logits + voxel * (classes - 1)
      var none: Float = 1, total: Float = 0
      for k in 1..<classes {
        row[k] = isPresent[k - 1] ? 1 / (1 + exp(-z[k - 1] / temperature)) : 0
        none *= 1 - row[k]
        total += row[k]
      }
      row[0] = none
      for k in 0..<classes { row[k] /= total + none }
    }
  }
}

/// Σ w·P·log(P/Q) over voxels and classes; `difference` becomes w·(Q - P). P is the prior within what the student gives to classes of which
/// the prior gives an answer; of the others P is Q.
public func distillation(
  _ q: UnsafePointer<Float>, prior: UnsafePointer<Float>, isPresent: [Bool], weights w: UnsafePointer<Float>?,
  difference: UnsafeMutablePointer<Float>, count: Int
) -> Double {
  let classes = isPresent.count + 1, isAnswered = [true] + isPresent
  return sumOverBlocks(count, sums: 1) { start, length, sums in
    for voxel in start..<start + length {
      let first = voxel * classes, factor = w?[voxel] ?? 1
      var rest: Float = 1
      for k in 1..<classes where !isAnswered[k] { rest -= q[first + k] }
      for k in 0..<classes {
        let student = q[first + k], target = isAnswered[k] ? rest * prior[first + k] : student
        difference[first + k] = factor * (student - target)
        if target > least { sums[0] += Double(factor * target * (log(target) - log(max(student, least)))) }
      }
    }
  }[0]
}
