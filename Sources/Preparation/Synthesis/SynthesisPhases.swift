// Cohorts of several phases and vendors: of each subject one volume for each phase, in a contrast of its own, a little out of place, and not all of them there;
// labels on the first phase alone, but for test subjects.

import Foundation
import Tensors
import Volumes

/// A volume that is made of a subject.
struct PlannedVolume {
  let identifier: String
  let role: CaseRole
  /// Of the volume; nil in a cohort of one phase and vendor.
  let origin: CaseOrigin?
  /// What draws its appearance and its place.
  let key: RandomKey
  /// How intensities look in its phase and on its scanner; nil leaves them as they are.
  let contrast: PhaseContrast?
}

extension SynthesisPlan {
  /// The probability with which a phase other than the first is missing.
  private static let missing = 0.15

  /// The volumes of a subject.
  /// - Parameter key: of the subject.
  func volumes(ofSubject index: Int, named subject: String, key: RandomKey) -> [PlannedVolume] {
    let role = role(ofSubject: index)
    guard hasPhases else {
      return [PlannedVolume(identifier: subject, role: role, origin: nil, key: key.child(1), contrast: nil)]
    }
    let vendor = index % vendors
    return (0..<phases).compactMap { phase in
      let own = key.child(100 + UInt64(phase))
      if phase > 0, own.uniform(0) < Self.missing { return nil }
      return PlannedVolume(
        identifier: "\(subject)_phase\(phase + 1)", role: role == .labelled && phase > 0 ? .unlabelled : role,
        origin: CaseOrigin(patient: subject, vendor: "vendor\(vendor + 1)", phase: "phase\(phase + 1)"), key: own.child(1),
        contrast: PhaseContrast(seed: seed, phase: phase, vendor: vendor))
    }
  }

  var hasPhases: Bool { phases > 1 || vendors > 1 }
}

/// A map of intensities 0...1 that is not monotone, so that dark tissues of one phase are bright in another; 0 stays 0. The first phase keeps its tissues'
/// order; vendors differ by a monotone curve.
struct PhaseContrast {
  /// Values at 0, 0.2, 0.4 ... 1.
  private let knots: [Float]
  private let vendor: ContrastCurve?

  init(seed: UInt64, phase: Int, vendor: Int) {
    let key = RandomKey(seed: seed, volume: "phase \(phase)", draw: 0, stream: RandomStream.synthesis)
    knots = (0...5).map { knot in
      phase == 0 ? Float(knot) / 5 : knot == 0 ? 0 : 0.15 + 0.85 * Float(key.uniform(UInt64(knot)))
    }
    let scanner = RandomKey(seed: seed, volume: "vendor \(vendor)", draw: 0, stream: RandomStream.synthesis)
    self.vendor = vendor == 0 ? nil : ContrastCurve(scanner)
  }

  func callAsFunction(_ value: Float) -> Float {
    let position = min(max(value, 0), 1) * 5, cell = min(Int(position), 4)
    let seen = knots[cell] + (position - Float(cell)) * (knots[cell + 1] - knots[cell])
    return vendor.map { $0(seen) } ?? seen
  }
}

/// Millimetres along D, H, W by which a phase lies out of place: it was taken in another breath.
func misalignment(_ key: RandomKey, scale: Double) -> SIMD3<Float> {
  SIMD3((0..<3).map { Float(max(-2, min(2, key.gaussian(UInt64($0)))) * 4 * scale) })
}

/// Lists the volumes of a cohort of phases in the table of its data set.
func writeManifest(_ volumes: [PlannedVolume], to folder: String) throws(PreparationError) {
  let rows = volumes.map { volume in
    let (images, labels) = volume.role.folders, origin = volume.origin!
    let label = labels.map { "\($0)/\(volume.identifier).nii.gz" } ?? ""
    let split = volume.role == .labelled ? "train" : volume.role.rawValue
    return [
      volume.identifier, origin.patient, origin.vendor!, origin.phase!, "\(images)/\(volume.identifier)_0000.nii.gz", label,
      split,
    ].joined(separator: ",")
  }
  try readingVolumes { () throws(VolumeError) in
    try Manifest.write(columns: ["id", "patient", "vendor", "phase", "image", "label", "split"], rows: rows, to: folder)
  }
}

extension CaseRole {
  /// The folders of its images and labels; no labels are written for unlabelled cases.
  var folders: (images: String, labels: String?) {
    switch self {
    case .labelled: ("imagesTr", "labelsTr")
    case .test: ("imagesTs", "labelsTs")
    case .unlabelled: ("imagesUn", nil)
    }
  }
}
