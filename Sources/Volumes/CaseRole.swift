// What a case is used for.

public enum CaseRole: String, Codable, Sendable, CaseIterable { case labelled, unlabelled, test }
