// What registration will take before the first step of a run, by one pair of its volumes registered here.

import Registration
import Volumes

/// Seconds of one registration of two volumes of a folder of packs, the labelled and the unlabelled one of middle size, on the threads that kernels
/// have. Errors: packs that cannot be read, no labelled or no unlabelled volume.
public func measuredRegistration(data folder: String) throws -> Double {
  let reader = try PackReader(folder: folder), entries = reader.index.entries.filter { $0.role != .test }
  let registration = Registration(millimetres: Registration.millimetres(for: entries.map { ($0.extent, $0.spacing) }))
  func middle(_ role: CaseRole) throws -> PackedCase {
    let cases = entries.filter { $0.role == role }.sorted { $0.extent.count < $1.extent.count }
    guard !cases.isEmpty else { throw TrainingError("\(folder) has no \(role) volume, and registration needs one.") }
    return try reader.read(cases[cases.count / 2].identifier)
  }
  let labelled = try middle(.labelled), image = registration.prepared(RegistrationImage(try middle(.unlabelled)))
  let atlas = Atlas(image: registration.prepared(RegistrationImage(labelled)), labels: labelled.label ?? [])
  let propagation = Propagation(registration: registration, classes: reader.index.classNames.count, atlases: [atlas])
  let seconds = ContinuousClock().measure { _ = propagation.labels(of: image) } / .seconds(1)
  return seconds / Double(Propagation.registrations(atlases: 1))
}
