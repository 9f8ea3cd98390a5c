// Intensity normalisation of a cropped channel (MIC-DKFZ/nnUNet, nnunetv2/preprocessing/normalization/).

/// The voxels over which the mean and standard deviation of a channel are taken.
public enum Normalization: String, Sendable, Codable, CaseIterable {
  /// Every voxel of the crop. The default, and nnU-Net's rule for scans that fill their volume.
  case wholeCrop
  /// Voxels that are not zero; zeros stay zero. nnU-Net's rule for data sets whose crops keep less than three quarters of the volume
  /// (brain scans with the skull removed).
  case nonzeroMask

  /// Standardises a channel in place: population standard deviation, never divided by less than 1e-8.
  func apply(_ voxels: inout [Float]) {
    standardize(&voxels, over: self == .nonzeroMask ? voxels.map { $0 != 0 ? 1 : 0 } : nil)
  }
}

/// Standardises the voxels where `inside` is 1, all of them if it is nil, by their own mean and population standard deviation, which counts as 1e-8
/// at least; the others stay as they are.
func standardize(_ voxels: inout [Float], over inside: [UInt8]?) {
  voxels.withUnsafeMutableBufferPointer { voxels in
    let all = voxels.indices, isIn = { (index: Int) in inside?[index] != 0 }
    var (sum, count) = (0.0, 0)
    for index in all where isIn(index) {
      sum += Double(voxels[index])
      count += 1
    }
    let mean = sum / Double(max(count, 1))
    var squares = 0.0
    for index in all where isIn(index) {
      let difference = Double(voxels[index]) - mean
      squares += difference * difference
    }
    let standardDeviation = max((squares / Double(max(count, 1))).squareRoot(), 1e-8)
    for index in all where isIn(index) { voxels[index] = Float((Double(voxels[index]) - mean) / standardDeviation) }
  }
}
