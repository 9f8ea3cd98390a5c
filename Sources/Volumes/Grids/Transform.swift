// Arithmetic of the transforms in headers: three rows of four numbers, voxel to RAS+ world, row-major.

import CNIfTI
import Foundation

/// The order of canonical axes in a file: for D, H and W the file axis closest to superior, anterior and right, and whether it runs backwards.
func canonicalAxes(_ m: [Double]) -> (fileAxis: [Int], flipped: [Bool]) {
  let matrix = nifti_dmat44(
    m: ((m[0], m[1], m[2], m[3]), (m[4], m[5], m[6], m[7]), (m[8], m[9], m[10], m[11]), (0, 0, 0, 1)))
  var codes: (Int32, Int32, Int32) = (0, 0, 0)
  nifti_dmat44_to_orientation(matrix, &codes.0, &codes.1, &codes.2)
  var (fileAxis, flipped) = ([2, 1, 0], [false, false, false])
  for (axis, code) in [codes.0, codes.1, codes.2].enumerated() {
    // Codes 1 and 2 run along left-right, 3 and 4 posterior-anterior, 5 and 6 inferior-superior; the even ones run backwards.
    let canonicalAxis = 2 - (Int(code) - 1) / 2
    fileAxis[canonicalAxis] = axis
    flipped[canonicalAxis] = code % 2 == 0
  }
  return (fileAxis, flipped)
}

/// The sides of the patient that the file's axes run to, such as "LPS".
func orientationCode(_ rows: [Double]) -> String {
  let (fileAxis, flipped) = canonicalAxes(rows)
  let letters = [["S", "I"], ["A", "P"], ["R", "L"]]
  return (0..<3).map { axis in
    let canonical = fileAxis.firstIndex(of: axis)!
    return letters[canonical][flipped[canonical] ? 1 : 0]
  }.joined()
}

/// The lengths of the three columns of a transform.
func columnLengths(_ rows: [Double]) -> [Double] { (0..<3).map { length(column($0, of: rows)) } }

/// A column of a transform: 0, 1 and 2 are steps along the file's axes, 3 is the place of the first voxel.
func column(_ column: Int, of rows: [Double]) -> [Double] { [rows[column], rows[4 + column], rows[8 + column]] }

func length(_ vector: [Double]) -> Double {
  (vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]).squareRoot()
}

func cross(_ u: [Double], _ v: [Double]) -> [Double] {
  [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
}

func dot(_ u: [Double], _ v: [Double]) -> Double { u[0] * v[0] + u[1] * v[1] + u[2] * v[2] }

private func unitColumns(_ rows: [Double]) -> [[Double]] {
  (0..<3).map { axis -> [Double] in
    let vector = column(axis, of: rows), scale = 1 / length(vector)
    return vector.map { $0 * scale }
  }
}

/// The transform, or nil if it is not finite or leaves hardly any volume of a voxel.
func regular(_ rows: [Double]) -> [Double]? {
  guard rows.allSatisfy(\.isFinite), columnLengths(rows).allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
  let columns = unitColumns(rows)
  return abs(dot(columns[0], cross(columns[1], columns[2]))) > 1e-3 ? rows : nil
}

/// The columns of a transform with other lengths.
func withLengths(_ lengths: [Double], _ rows: [Double]) -> [Double] {
  let columns = unitColumns(rows)
  return (0..<3).flatMap { row -> [Double] in
    let entries = (0..<3).map { columns[$0][row] * lengths[$0] }
    return entries + [rows[4 * row + 3]]
  }
}

/// How far the columns are from right angles, degrees.
func shearDegrees(_ rows: [Double]) -> Double {
  let columns = unitColumns(rows)
  let sines = (0..<3).map { abs(dot(columns[$0], columns[($0 + 1) % 3])) }
  return asin(min(1, sines.max()!)) * 180 / .pi
}
