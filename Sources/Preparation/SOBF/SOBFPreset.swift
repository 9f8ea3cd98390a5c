// The named settings of SOBF: `released` is that of ReLiF-3D's program, `paper` adds exact orthogonality, the others are ours.

/// A ready choice of generator, exactness, origin and clamp.
public enum SOBFPreset: String, Codable, Sendable, CaseIterable {
  /// One box pass of 41 and 21 voxels, exactly orthogonal, clamped to the 1 % and 99 % quantiles. The default.
  case paper
  /// The same as `paper`, orthogonal only before the squash: what the authors' code does.
  case released
  /// Three box passes of 23 and 13 voxels without border effects; the background keeps its value.
  case smooth
  /// Cosine waves of indices 1...6 for M and 7...12 for A.
  case spectral
  /// Polynomials up to degree 3, as slow as the bias of a real coil: of odd degree for M, of even degree for A.
  case physical
}
