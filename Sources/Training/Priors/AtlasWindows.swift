// The windows in which an atlas lies over volumes: one for each volume, around the middle of its foreground, of the same size in
// mm for all.

import Methods
import Preparation
import Volumes

final class AtlasWindows {
  /// Voxels along each side.
  private static let size = 64
  private let frame: CanonicalFrame
  private let store: CaseStore
  private var known: [String: CanonicalWindow] = [:]

  /// Windows that hold the foreground of every labelled volume.
  init(_ labelled: [String], store: CaseStore) throws(VolumeError) {
    var largest = 0.0
    for identifier in labelled {
      let volume = try store.reader.read(identifier)
      let size = CanonicalFrame.foregroundSize(
        volume.image, channels: volume.channels, extent: volume.extent, spacing: volume.spacing)
      largest = max(largest, size.max()!)
    }
    (frame, self.store) = (CanonicalFrame(size: Self.size, spacing: largest / Double(Self.size)), store)
  }

  func window(_ identifier: String) throws(MethodError) -> CanonicalWindow {
    if let window = known[identifier] { return window }
    let volume = try store.volumeForMethods(identifier)
    let window = frame.centredWindow(
      volume.image, channels: volume.channels, extent: volume.extent, spacing: volume.spacing)
    known[identifier] = window
    return window
  }
}

extension CaseStore {
  /// A volume; one that cannot be read is an error of the methods' type.
  func volumeForMethods(_ identifier: String) throws(MethodError) -> PackedCase {
    do throws(VolumeError) { return try volume(identifier) } catch { throw MethodError(error.description) }
  }
}
