// One subject of a synthetic cohort: the template seen through a random deformation and a random scanner. Arrays [D, H, W].

import Tensors
import Volumes

/// An image and its label map on one isotropic grid.
struct SynthesizedSubject {
  var extent: Extent
  var voxels: [Float]
  var labels: [UInt8]
}

/// Deforms the template, samples it at `spacing` millimetres and changes its appearance.
///
/// - Parameters:
///   - key: of the subject: all its volumes have one anatomy.
///   - volume: the volume that is made.
///   - scale: multiplies the lengths of deformation and bias field; 1 suits a human head or abdomen.
///   - shift: the most by which the subject is moved along each axis, millimetres.
func synthesizeSubject(
  _ template: SynthesisTemplate, key: RandomKey, _ volume: PlannedVolume, spacing: Double, scale: Double, shift: Double
) -> SynthesizedSubject {
  let size = template.size
  let counts = (0..<3).map { max(1, Int((Double(size[$0]) / spacing).rounded())) }
  let extent = Extent(counts[0], counts[1], counts[2])
  var deformation = Deformation(key.child(0), size: size, scale: scale)
  let move = key.child(2)
  for axis in 0..<3 { deformation.translation[axis] += Float(shift * (2 * move.uniform(UInt64(axis)) - 1)) }
  if volume.contrast != nil { deformation.translation += misalignment(volume.key.child(0), scale: scale) }
  var subject = sample(template, through: deformation, extent: extent, spacing: spacing)
  if let contrast = volume.contrast { subject.voxels = subject.voxels.map { contrast($0) } }
  changeAppearance(&subject.voxels, extent: extent, spacing: spacing, scale: scale, key: volume.key.child(1))
  return subject
}

/// The template at the voxels of a subject: linear interpolation of the image, nearest neighbour of the labels, 0 outside.
private func sample(
  _ template: SynthesisTemplate, through deformation: Deformation, extent: Extent, spacing: Double
) -> SynthesizedSubject {
  var subject = SynthesizedSubject(
    extent: extent, voxels: [Float](repeating: 0, count: extent.count), labels: [UInt8](repeating: 0, count: extent.count))
  let step = Float(spacing)
  let inverse = SIMD3(1 / Float(template.spacing.depth), 1 / Float(template.spacing.height), 1 / Float(template.spacing.width))
  var targets = [SIMD3<Float>](repeating: .zero, count: extent.width)
  subject.voxels.withUnsafeMutableBufferPointer { voxels in
    subject.labels.withUnsafeMutableBufferPointer { labels in
      template.voxels.withUnsafeBufferPointer { source in
        template.labels.withUnsafeBufferPointer { truth in
          targets.withUnsafeMutableBufferPointer { targets in
            for d in 0..<extent.depth {
              for h in 0..<extent.height {
                // Points are millimetres from the corner of the region, so voxel centres lie half a step inside.
                let first = SIMD3(Float(d) + 0.5, Float(h) + 0.5, 0.5) * step
                deformation.map(row: first, step: step, into: targets)
                let row = extent.index(d, h, 0)
                for w in 0..<extent.width {
                  let position = targets[w] * inverse - 0.5
                  voxels[row + w] = linear(source, template.extent, position)
                  labels[row + w] = nearest(truth, template.extent, position)
                }
              }
            }
          }
        }
      }
    }
  }
  return subject
}

private func nearest(_ values: UnsafeBufferPointer<UInt8>, _ extent: Extent, _ position: SIMD3<Float>) -> UInt8 {
  let voxel = position.rounded(.toNearestOrAwayFromZero)
  let (d, h, w) = (Int(voxel[0]), Int(voxel[1]), Int(voxel[2]))
  guard d >= 0, h >= 0, w >= 0, d < extent.depth, h < extent.height, w < extent.width else { return 0 }
  return values[extent.index(d, h, w)]
}

/// Linear interpolation at a position in voxels; the border value up to half a voxel outside, 0 beyond.
private func linear(_ values: UnsafeBufferPointer<Float>, _ extent: Extent, _ position: SIMD3<Float>) -> Float {
  let last = SIMD3(Float(extent.depth - 1), Float(extent.height - 1), Float(extent.width - 1))
  let inside = position.clamped(lowerBound: .zero, upperBound: last)
  let outside = position - inside
  if (outside * outside).max() > 0.25 { return 0 }
  let cell = inside.rounded(.down)
  let t = inside - cell
  let (d, h, w) = (Int(cell[0]), Int(cell[1]), Int(cell[2]))
  let at = extent.index(d, h, w)
  // At the last voxel of an axis the fraction is 0, so the neighbour may be the voxel itself.
  let slice = d + 1 < extent.depth ? extent.height * extent.width : 0
  let row = h + 1 < extent.height ? extent.width : 0
  let next = w + 1 < extent.width ? 1 : 0
  func line(_ start: Int) -> Float { values[start] + t[2] * (values[start + next] - values[start]) }
  func plane(_ start: Int) -> Float {
    let first = line(start)
    return first + t[1] * (line(start + row) - first)
  }
  let first = plane(at)
  return first + t[0] * (plane(at + slice) - first)
}
