// Whether an index says what can be true: a checksum finds damage, but anybody can write one. What is wrong here would otherwise end the program,
// take memory without end, or lead out of the folder.

extension PackIndex {
  /// What is wrong, as a clause to be put after the path of the file; nil if nothing is.
  var complaint: String? {
    guard (1...256).contains(classNames.count), (1...9999).contains(channelNames.count) else {
      return "names \(classNames.count) classes and \(channelNames.count) channels"
    }
    if let complaint = labels.complaint { return complaint }
    var identifiers = Set<String>(), packs = Set<String>()
    for entry in entries {
      guard identifiers.insert(entry.identifier).inserted else { return "lists the case \(entry.identifier) twice" }
      guard packs.insert(entry.pack).inserted else { return "lists the pack \(entry.pack) twice" }
      if let found = entry.complaint(classes: labels.greatest + 1, channels: channelNames.count) {
        return "gives case \(entry.identifier) \(found)"
      }
    }
    if let name = replaced.first(where: { PackName.number($0) == nil }) {
      return "lists the pack \(name), which is no pack's name"
    }
    return nil
  }
}

extension LabelMeaning {
  fileprivate var complaint: String? {
    if hasIgnored, classNames.count > 255 { return "names \(classNames.count) classes beside one that is ignored" }
    guard let regions else { return nil }
    let areSound = regions.allSatisfy { !$0.labels.isEmpty && $0.labels.allSatisfy((1..<classNames.count).contains) }
    return !regions.isEmpty && areSound ? nil : "has regions of labels that there are not"
  }
}

extension PackEntry {
  fileprivate func complaint(classes: Int, channels: Int) -> String? {
    guard !identifier.isEmpty else { return "an empty name" }
    guard PackName.number(pack) != nil else { return "the pack \(pack), which is no pack's name" }
    guard self.channels == channels else { return "\(self.channels) channels where there are \(channels)" }
    guard isSound(extent, channels: channels) else { return "\(extent) voxels" }
    guard isSound(spacing) else { return "voxels of \(spacing)" }
    guard hasLabel == (role == .labelled) || role == .test else {
      return "the role \(role.rawValue) with\(hasLabel ? "" : "out") a label"
    }
    guard isChecksum(imageChecksum), hasLabel ? isChecksum(labelChecksum) : labelChecksum.isEmpty else {
      return "checksums '\(imageChecksum)' and '\(labelChecksum)'"
    }
    guard insideChecksum.map(isChecksum) ?? true else { return "a checksum '\(insideChecksum ?? "")'" }
    guard isSoundCount(classes: classes) else {
      return "foreground counts that do not fit its \(extent) voxels and \(classes) classes"
    }
    guard intensities.count == channels else { return "intensities of \(intensities.count) channels where there are \(channels)" }
    return frame.complaint
  }

  private func isSoundCount(classes: Int) -> Bool {
    guard hasLabel else { return foregroundCount.isEmpty }
    var sum = 0
    for count in foregroundCount {
      guard count >= 0, count <= extent.count - sum else { return false }
      sum += count
    }
    return sum == extent.count && foregroundCount.count <= classes
  }
}

extension CaseFrame {
  fileprivate var complaint: String? {
    guard isSound(originalExtent, channels: 1), isSound(cropExtent, channels: 1) else {
      return "a crop of \(cropExtent) of \(originalExtent) voxels"
    }
    guard isSound(originalSpacing) else { return "original voxels of \(originalSpacing)" }
    let fits =
      cropStart.count == 3
      && (0..<3).allSatisfy { cropStart[$0] >= 0 && cropStart[$0] <= originalExtent[$0] - cropExtent[$0] }
    guard fits else { return "a crop of \(cropExtent) voxels at \(cropStart) of \(originalExtent)" }
    guard grid.isWhole, grid.extent == originalExtent else { return "a grid that does not fit its \(originalExtent) voxels" }
    return nil
  }
}

extension FileGrid {
  /// Whether its lists have the lengths that all who use it rely on, and its axes are three.
  fileprivate var isWhole: Bool {
    dimensions.count == 3 && dimensions.allSatisfy { $0 > 0 } && affine.count == 16 && sides.count == 3
      && sides.allSatisfy { $0 > 0 && $0.isFinite } && fileAxis.sorted() == [0, 1, 2] && flipped.count == 3
  }
}

/// Whether arrays of this extent can be held at all: the bytes of their floats are a number.
private func isSound(_ extent: Extent, channels: Int) -> Bool {
  var bytes = 4
  for factor in [extent.depth, extent.height, extent.width, channels] {
    let (product, isTooLarge) = bytes.multipliedReportingOverflow(by: factor)
    guard factor > 0, !isTooLarge else { return false }
    bytes = product
  }
  return true
}

private func isSound(_ spacing: Spacing) -> Bool { (0..<3).allSatisfy { spacing[$0] > 0 && spacing[$0].isFinite } }

private func isChecksum(_ text: String) -> Bool {
  text.utf8.count == 8 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
}
