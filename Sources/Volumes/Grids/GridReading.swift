// What the numbers of a header come to where they contradict each other. A NIfTI header says where its voxels lie up to three times: by pixdim
// (spacing alone), by the qform (a rotation of boxes of pixdim) and by the sform (any affine). The rules, which are those of SimpleITK, and hence
// of nnU-Net, but for those marked (nibabel):
//   - spacing is that of pixdim; negative lengths are read as positive (nibabel: SimpleITK also turns the axis of a qform round);
//   - directions and origin are those of the sform, if it has a code and its columns are as long as pixdim says (nibabel: SimpleITK prefers the
//     qform unless the sform's code is 1), else those of the qform, if it has a code;
//   - a sheared or singular sform gives way to a qform; without one, shear is kept (nibabel; SimpleITK refuses such files);
//   - with neither code the axes are those of SimpleITK, left, posterior, superior (LPS), from the world's origin. nibabel reads left,
//     anterior, superior about the centre (LAS), and NIfTI's "method 1" is RAS: nobody knows, so this is always said.

import CNIfTI
import Foundation

/// The reconciled numbers of a header.
struct GridReading {
  /// The distance of neighbouring voxels along the file's axes, millimetres.
  let sides: [Double]
  /// Voxel to RAS+ world, millimetres, row-major 4x4; nil where the header gives no regular one.
  let affine: [Double]?
  /// What was contradictory or missing, and how it was read: clauses to be put after a file name.
  let remarks: [(kind: DataWarning.Kind, text: String)]

  init(_ header: GridHeader, dimensions: [Int]) {
    let unit = header.millimetres
    let stored = header.pixdim[1...3].map { $0.isFinite ? abs($0) * unit : 0 }
    let sform = header.sformCode > 0 ? regular(scaled(header.sform, by: unit)) : nil
    let lengths = sform.map { columnLengths($0) }
    let sides = (0..<3).map { stored[$0] > 0 ? stored[$0] : lengths?[$0] ?? 1 }
    let qform = header.qformCode > 0 ? qformRows(header, sides: sides) : nil
    var remarks: [(kind: DataWarning.Kind, text: String)] = []
    if header.pixdim[1...3].contains(where: { $0 < 0 }) {
      remarks.append((.spacing, "has negative pixel dimensions, pixdim \(triple(header.pixdim[1...3])), read without their sign"))
    }
    if (0..<3).contains(where: { stored[$0] == 0 && dimensions[$0] > 1 }) {
      remarks.append(
        (
          .spacing,
          "has the pixel dimensions \(triple(header.pixdim[1...3])), of which some are no lengths; they were read as \(triple(sides)) mm\(lengths == nil ? "" : ", as its sform has")"
        ))
    }
    self.sides = sides
    let choice = Self.choice(header, sides: sides, sform: sform, qform: qform)
    affine = choice.rows.map { $0 + [0, 0, 0, 1] }
    self.remarks = remarks + choice.remarks
  }

  /// The transform that counts (three rows of four, millimetres), and why where there was a choice.
  private static func choice(
    _ header: GridHeader, sides: [Double], sform: [Double]?, qform: [Double]?
  ) -> (rows: [Double]?, remarks: [(kind: DataWarning.Kind, text: String)]) {
    guard header.sformCode > 0 || header.qformCode > 0 else {
      let text =
        "stores no orientation (its qform and sform codes are 0); its axes were taken for left, posterior and superior (LPS), as SimpleITK does"
      return ([-sides[0], 0, 0, 0, 0, -sides[1], 0, 0, 0, 0, sides[2], 0], [(.orientation, text)])
    }
    guard let sform else {
      let isIgnored = header.sformCode > 0 && qform != nil
      return (qform, isIgnored ? [(.orientation, "has an sform that is singular or not finite, so its qform was taken")] : [])
    }
    let lengths = columnLengths(sform), shear = shearDegrees(sform)
    let isSheared = shear > 0.5, disagrees = zip(lengths, sides).contains { abs($0 - $1) > 0.01 * $1 }
    var remarks: [(kind: DataWarning.Kind, text: String)] = []
    if disagrees, !isSheared || qform == nil {
      let others = qform == nil ? "pixdim" : "pixdim and qform"
      let text = "has voxels of \(triple(sides)) mm by its \(others) and of \(triple(lengths)) mm by its sform (x, y, z)"
      remarks.append((.spacing, "\(text); the former were taken, as SimpleITK and nnU-Net do"))
    }
    if isSheared {
      let taken = qform == nil ? "distances and volumes in mm will not be exact" : "its qform was taken, as SimpleITK does"
      remarks.append((.orientation, "has a sheared sform, its axes are \(inDigits(shear)) degrees off right angles; \(taken)"))
    }
    if isSheared || disagrees { return (qform ?? (disagrees ? withLengths(sides, sform) : sform), remarks) }
    if let qform, canonicalAxes(qform) != canonicalAxes(sform) {
      let text = "is \(orientationCode(sform)) by its sform and \(orientationCode(qform)) by its qform; the sform was taken"
      return (sform, [(.orientation, text)])
    }
    return (sform, [])
  }
}

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

private func scaled(_ rows: [Double], by factor: Double) -> [Double] { factor == 1 ? rows : rows.map { $0 * factor } }

private func unitColumns(_ rows: [Double]) -> [[Double]] {
  (0..<3).map { axis -> [Double] in
    let vector = column(axis, of: rows), scale = 1 / length(vector)
    return vector.map { $0 * scale }
  }
}

/// The transform, or nil if it is not finite or leaves hardly any volume of a voxel.
private func regular(_ rows: [Double]) -> [Double]? {
  guard rows.allSatisfy(\.isFinite), columnLengths(rows).allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
  let columns = unitColumns(rows)
  return abs(dot(columns[0], cross(columns[1], columns[2]))) > 1e-3 ? rows : nil
}

/// The columns of a transform with other lengths.
private func withLengths(_ lengths: [Double], _ rows: [Double]) -> [Double] {
  let columns = unitColumns(rows)
  return (0..<3).flatMap { row -> [Double] in
    let entries = (0..<3).map { columns[$0][row] * lengths[$0] }
    return entries + [rows[4 * row + 3]]
  }
}

/// How far the columns are from right angles, degrees.
private func shearDegrees(_ rows: [Double]) -> Double {
  let columns = unitColumns(rows)
  let sines = (0..<3).map { abs(dot(columns[$0], columns[($0 + 1) % 3])) }
  return asin(min(1, sines.max()!)) * 180 / .pi
}

/// The rows of the qform, millimetres; nil where its quaternion is no rotation.
private func qformRows(_ header: GridHeader, sides: [Double]) -> [Double]? {
  let q = header.quaternion, offset = header.quaternionOffset.map { $0 * header.millimetres }
  // A quaternion that was rounded to 32 bits may be a little longer than 1.
  guard offset.allSatisfy(\.isFinite), dot(q, q) <= 1.001 else { return nil }
  let m = nifti_quatern_to_dmat44(
    q[0], q[1], q[2], offset[0], offset[1], offset[2], sides[0], sides[1], sides[2], header.pixdim[0] < 0 ? -1 : 1
  ).m
  return [m.0, m.1, m.2].flatMap { [$0.0, $0.1, $0.2, $0.3] }
}

private func triple(_ numbers: some Collection<Double>) -> String { numbers.map(inDigits).joined(separator: "x") }
