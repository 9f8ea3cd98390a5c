// Clicks made by rule: rounds that follow a mask, and the brightest part of a crop (YichiZhang98/SemiSAM,
// code_semisam+/semisam_plus.py).

import Networks
import Preparation
import Tensors

/// The published number of rounds.
private let roundCount = 10
/// The first rounds click deep inside the error, the later anywhere in it.
private let distanceRounds = 2
/// The network was trained with clicks where its logits exceed this.
private let predictionThreshold: Float = 0.5

/// Ten rounds, or fewer where the answer is the mask: the newest click with the logits before it. Masks are compared on a grid of
/// half the image, where a cell belongs to a mask if one of its eight voxels does.
func clickRounds(_ request: PromptRequest) -> [[Float]] {
  let side = request.imageSize / 2, target = request.target()
  let wanted = target.values.map { $0 >= 1.0 / 8 }
  var predicted = [Bool](repeating: false, count: wanted.count)
  var mask = request.emptyMask, rounds: [[Float]] = []
  for round in 0..<roundCount {
    let rule = round < distanceRounds ? ClickRule.distance : .random
    guard
      let click = rule.click(target: wanted, prediction: predicted, side: side, key: request.key.child(UInt64(round)))
    else { break }
    mask = request.decode(mask, [request.point(click.voxel, cells: side, isPositive: click.isPositive)])
    rounds.append(mask)
    let answer = request.pooledPrediction(mask)
    predicted = answer.indices.map { answer[$0] && target.isKnown[$0] }
  }
  // Nothing of the class is in this window: the mask shows that.
  return rounds.isEmpty ? [request.decode(request.mask, [])] : rounds
}

extension PromptRequest {
  /// The prediction on the grid of half the image: logits at each voxel, the largest of eight.
  fileprivate func pooledPrediction(_ logits: [Float]) -> [Bool] {
    let voxels = WindowMap.sampled([(WindowMap(cube: imageSize), logits)], grid: grid, channels: 1), side = imageSize / 2
    return withExtendedLifetime(voxels) {
      var result = [Bool](repeating: false, count: side * side * side), cell = 0
      for x in 0..<side {
        for y in 0..<side {
          for z in 0..<side {
            let corner = voxels.pointer + ((2 * x * imageSize) + 2 * y) * imageSize + 2 * z
            result[cell] = (0..<8).contains {
              corner[(($0 >> 2) * imageSize + ($0 >> 1 & 1)) * imageSize + ($0 & 1)] > predictionThreshold
            }
            cell += 1
          }
        }
      }
      return result
    }
  }
}

/// The cell nearest to the middle of the largest connected part of what is brighter than 99 % of the known cells; nil where
/// nothing is known.
package func brightestCell(_ intensity: PooledCrop) -> [Int]? {
  let side = intensity.grid, known = intensity.values.indices.filter { intensity.isKnown[$0] }
  let sorted = known.map { intensity.values[$0] }.sorted()
  guard let brightest = sorted.last else { return nil }
  let threshold = min(sorted[Int(0.99 * Double(sorted.count - 1))], brightest.nextDown)
  var remaining = Set(known.filter { intensity.values[$0] > threshold })
  func place(_ cell: Int) -> [Int] { [cell / (side * side), cell / side % side, cell % side] }
  var largest: [Int] = []
  for cell in known where remaining.contains(cell) {
    var part: [Int] = [], open = [cell]
    remaining.remove(cell)
    while let next = open.popLast() {
      part.append(next)
      let at = place(next)
      for (axis, step) in [side * side, side, 1].enumerated() {
        for (neighbour, isInside) in [(next - step, at[axis] > 0), (next + step, at[axis] < side - 1)]
        where isInside && remaining.remove(neighbour) != nil { open.append(neighbour) }
      }
    }
    if part.count > largest.count { largest = part.sorted() }
  }
  let places = largest.map(place), middle = (0..<3).map { axis in places.reduce(0) { $0 + $1[axis] } / places.count }
  return places.min { squaredDistance($0, middle) < squaredDistance($1, middle) }
}

private func squaredDistance(_ a: [Int], _ b: [Int]) -> Int { zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
