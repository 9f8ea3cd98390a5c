// An anatomy without a template: a body with texture, an organ, its core and a few lesions, all ellipsoids; deformed later as a scan is.
// Arrays [D, H, W].

import Foundation
import Tensors
import Volumes

/// The names of a phantom's classes; index = label value.
func phantomClasses(scattersLesions: Bool) -> [String] {
  scattersLesions ? ["background", "lesion"] : ["background", "organ", "core", "lesion"]
}

/// The phantom of one subject: a cube of 64 voxels a side at `spacing` millimetres. Places, sizes and the number of lesions follow from `key`.
/// - Parameter scattersLesions: whether lesions are the only class, and lie anywhere in the body.
func phantom(_ key: RandomKey, spacing: Double, scattersLesions: Bool) -> SynthesisTemplate {
  let extent = Extent(64, 64, 64)
  let texture = smoothField(key.child(0), extent: extent, spacing: spacing, latticeSpacing: 4 * spacing)
  let anatomy = phantomParts(key.child(1)), lesions = scatteredLesions(key.child(2))
  // Of what is labelled otherwise, the lesions within the organ are left out and the rest is anatomy.
  let parts = scattersLesions ? anatomy.filter { $0.label < 3 }.map { $0.unlabelled } + lesions : anatomy
  var voxels = [Float](repeating: 0, count: extent.count)
  var labels = [UInt8](repeating: 0, count: extent.count)
  voxels.withUnsafeMutableBufferPointer { voxels in
    labels.withUnsafeMutableBufferPointer { labels in
      var index = 0
      for d in 0..<extent.depth {
        for h in 0..<extent.height {
          for w in 0..<extent.width {
            let point = (SIMD3(Double(d), Double(h), Double(w)) - 31.5) / 32
            for part in parts where part.contains(point) {
              voxels[index] = part.intensity + 0.04 * texture[index]
              labels[index] = part.label
            }
            index += 1
          }
        }
      }
    }
  }
  blur(&voxels, extent: extent, standardDeviation: [0.6, 0.6, 0.6])
  return SynthesisTemplate(
    extent: extent, spacing: Spacing(spacing, spacing, spacing), voxels: voxels, labels: labels,
    classNames: phantomClasses(scattersLesions: scattersLesions))
}

/// An ellipsoid in coordinates −1...1 along D, H, W.
private struct Ellipsoid {
  var centre, radii: SIMD3<Double>
  var intensity: Float
  var label: UInt8

  var unlabelled: Ellipsoid { Ellipsoid(centre: centre, radii: radii, intensity: intensity, label: 0) }

  func contains(_ point: SIMD3<Double>) -> Bool {
    let scaled = (point - centre) / radii
    return (scaled * scaled).sum() <= 1
  }
}

/// Body, a bright neighbour without label, organ, core and one to three lesions, each painted over the ones before.
private func phantomParts(_ key: RandomKey) -> [Ellipsoid] {
  func jitter(_ index: UInt64, _ amplitude: Double) -> SIMD3<Double> {
    let u = (0..<3).map { 2 * key.uniform(3 * index + UInt64($0)) - 1 }
    return SIMD3(u[0], u[1], u[2]) * amplitude
  }
  let organCentre = SIMD3(0.05, 0.05, 0.18) + jitter(0, 0.06)
  let organRadii = SIMD3(0.42, 0.5, 0.46) * (1 + jitter(1, 0.12))
  var parts = [
    Ellipsoid(centre: .zero, radii: SIMD3(0.9, 0.82, 0.92), intensity: 0.35, label: 0),
    Ellipsoid(centre: SIMD3(0, 0.1, -0.6) + jitter(2, 0.04), radii: SIMD3(0.3, 0.25, 0.2), intensity: 0.72, label: 0),
    Ellipsoid(centre: organCentre, radii: organRadii, intensity: 0.62, label: 1),
    Ellipsoid(
      centre: organCentre + jitter(3, 0.06), radii: organRadii * (0.45 + 0.1 * key.uniform(100)), intensity: 0.82, label: 2),
  ]
  for lesion in 0..<(1 + key.integer(101, below: 3)) {
    let offset = jitter(10 + UInt64(lesion), 0.62) * organRadii
    let radius = 0.08 + 0.06 * key.uniform(110 + UInt64(lesion))
    parts.append(
      Ellipsoid(
        centre: organCentre + offset, radii: SIMD3(repeating: radius) * (1 + jitter(20 + UInt64(lesion), 0.2)), intensity: 0.45,
        label: 3))
  }
  return parts
}

/// Two to five lesions of any size anywhere in the body, each brighter or darker than all around.
private func scatteredLesions(_ key: RandomKey) -> [Ellipsoid] {
  (0..<2 + key.integer(0, below: 4)).map { number in
    let own = key.child(UInt64(number)), radius = 0.08 + 0.14 * own.uniform(3)
    let place = SIMD3(own.uniform(0), own.uniform(1), own.uniform(2)) * 2 - 1, contrast = Float(0.2 * own.uniform(5))
    return Ellipsoid(
      centre: place * 0.5, radii: SIMD3(repeating: radius), intensity: own.uniform(4) < 0.5 ? contrast : 1.3 - contrast, label: 1)
  }
}
