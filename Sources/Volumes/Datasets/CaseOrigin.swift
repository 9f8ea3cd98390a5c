// Whose volume a case is and how it was taken: what keeps the volumes of a patient together and tells phases and scanners apart.

/// The patient, the scanner's vendor and the phase (or contrast) of a case.
public struct CaseOrigin: Hashable, Sendable, Codable {
  public var patient: String
  public var vendor: String?
  public var phase: String?
  /// The cross-validation fold that validates on the patient, from 0; nil where none is set.
  public var fold: Int?

  public init(patient: String, vendor: String? = nil, phase: String? = nil, fold: Int? = nil) {
    (self.patient, self.vendor, self.phase, self.fold) = (patient, vendor, phase, fold)
  }
}
