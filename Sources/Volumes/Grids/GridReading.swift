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

/// The reconciled numbers of a header.
struct GridReading {
  /// The distance of neighbouring voxels along the file's axes, millimetres.
  let sides: [Double]
  /// Voxel to RAS+ world, millimetres, row-major 4x4; nil where the header gives no regular one.
  let affine: [Double]?
  /// What was contradictory or missing, and how it was read.
  let remarks: [Remark]

  /// A clause to be put after a file name.
  struct Remark {
    let kind: DataWarning.Kind
    let text: String

    init(_ kind: DataWarning.Kind, _ text: String) { (self.kind, self.text) = (kind, text) }
  }

  init(_ header: GridHeader, dimensions: [Int]) {
    let stored = Array(header.pixdim[1...3]), unit = header.millimetres
    let sform = header.sformCode > 0 ? regular(header.sform.map { $0 * unit }) : nil
    let lengths = sform.map { columnLengths($0) }
    let isSet = stored.map { $0.isFinite && $0 != 0 }
    let sides = (0..<3).map { isSet[$0] ? abs(stored[$0]) * unit : lengths?[$0] ?? 1 }
    let qform = header.qformCode > 0 ? qformRows(header, sides: sides) : nil
    var remarks: [Remark] = []
    if stored.contains(where: { $0 < 0 }) {
      remarks.append(Remark(.spacing, "has negative pixel dimensions, pixdim \(triple(stored)), read without their sign"))
    }
    if (0..<3).contains(where: { !isSet[$0] && dimensions[$0] > 1 }) {
      let source = lengths == nil ? "" : ", as its sform has"
      remarks.append(
        Remark(
          .spacing,
          "has the pixel dimensions \(triple(stored)), of which some are no lengths; they were read as \(triple(sides)) mm\(source)"
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
  ) -> (rows: [Double]?, remarks: [Remark]) {
    guard header.sformCode > 0 || header.qformCode > 0 else {
      let read = "its axes were taken for left, posterior and superior (LPS), as SimpleITK does"
      let rows = [-sides[0], 0, 0, 0, 0, -sides[1], 0, 0, 0, 0, sides[2], 0]
      return (rows, [Remark(.orientation, "stores no orientation (its qform and sform codes are 0); \(read)")])
    }
    guard let sform else {
      let isIgnored = header.sformCode > 0 && qform != nil
      return (qform, isIgnored ? [Remark(.orientation, "has an sform that is singular or not finite; its qform was taken")] : [])
    }
    let shear = shearDegrees(sform) > 0.5 ? shearRemark(sform, hasQform: qform != nil) : nil
    let isOtherSize = zip(columnLengths(sform), sides).contains { abs($0 - $1) > 0.01 * $1 }
    // Shear makes columns longer: where the sform gives way for it, their lengths are not another slip.
    let size = isOtherSize && (shear == nil || qform == nil) ? sizeRemark(sform, sides: sides, hasQform: qform != nil) : nil
    if shear != nil || isOtherSize {
      return (qform ?? (isOtherSize ? withLengths(sides, sform) : sform), [size, shear].compactMap { $0 })
    }
    guard let qform, canonicalAxes(qform) != canonicalAxes(sform) else { return (sform, []) }
    let text = "is \(orientationCode(sform)) by its sform and \(orientationCode(qform)) by its qform; the sform was taken"
    return (sform, [Remark(.orientation, text)])
  }

  private static func sizeRemark(_ sform: [Double], sides: [Double], hasQform: Bool) -> Remark {
    let others = hasQform ? "pixdim and qform" : "pixdim"
    let text =
      "has voxels of \(triple(sides)) mm by its \(others) and of \(triple(columnLengths(sform))) mm by its sform (x, y, z)"
    return Remark(.spacing, "\(text); the former were taken, as SimpleITK and nnU-Net do")
  }

  private static func shearRemark(_ sform: [Double], hasQform: Bool) -> Remark {
    let taken = hasQform ? "its qform was taken, as SimpleITK does" : "distances and volumes in mm will not be exact"
    return Remark(
      .orientation, "has a sheared sform, its axes are \(inDigits(shearDegrees(sform))) degrees off right angles; \(taken)")
  }
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
