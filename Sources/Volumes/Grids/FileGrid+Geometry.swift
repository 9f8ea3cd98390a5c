// The geometry of a file's grid: extent, spacing, direction and origin in canonical orientation, and what was odd about its header.
// File axes are x (fastest), y, z; canonical axes are D, H, W as in Volume.swift.

extension FileGrid {
  /// Voxels along the canonical axes D, H, W.
  public var extent: Extent { Extent(dimensions[fileAxis[0]], dimensions[fileAxis[1]], dimensions[fileAxis[2]]) }

  /// Millimetres along the canonical axes D, H, W.
  public var spacing: Spacing { Spacing(sides[fileAxis[0]], sides[fileAxis[1]], sides[fileAxis[2]]) }

  /// The unit vector of canonical axis `axis` (0 = D, 1 = H, 2 = W) in RAS+ world coordinates.
  public func direction(_ axis: Int) -> [Double] {
    let step = column(fileAxis[axis], of: affine)
    let scale = (flipped[axis] ? -1 : 1) / length(step)
    return step.map { $0 * scale }
  }

  /// World coordinates of the first canonical voxel, RAS+ millimetres.
  public var origin: [Double] {
    var position = column(3, of: affine)
    for axis in 0..<3 where flipped[axis] {
      let step = column(fileAxis[axis], of: affine)
      for row in 0..<3 { position[row] += step[row] * Double(dimensions[fileAxis[axis]] - 1) }
    }
    return position
  }

  /// The sides of the patient that the file's axes run to, such as "LPS".
  public var orientation: String { orientationCode(affine) }

  /// Whether the header says which way the axes run.
  public var isOriented: Bool { header.sformCode > 0 || header.qformCode > 0 }

  /// What was contradictory or missing in the header of the file `path`, and how it was read; empty for nearly every file.
  public func warnings(of path: String) -> [DataWarning] {
    GridReading(header, dimensions: dimensions).remarks.map {
      DataWarning($0.kind, "\(path) \($0.text): correct its header if that is wrong.")
    }
  }
}
