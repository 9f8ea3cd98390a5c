// The labelled volumes of a run as priors look at them: whole, not in crops.

import Methods
import Preparation
import Volumes

/// The labelled volumes of a run, from which prototypes and atlases are made.
struct LabelledVolumes {
  let identifiers: [String]
  /// K.
  let classes: Int
  let store: CaseStore

  /// The mean token of each class.
  func prototypes(from source: any EmbeddingSource) throws -> Prototypes {
    try Prototypes(try samples(), classes: classes, from: source)
  }

  /// The mean label around the middle of the foreground.
  func atlas() throws -> Atlas {
    let windows = try AtlasWindows(identifiers, store: store)
    return try Atlas(try samples(), classes: classes, window: windows.window)
  }

  /// Samples whose crop is the whole volume.
  private func samples() throws -> [Sample] {
    try identifiers.map { identifier in
      let volume = try store.reader.read(identifier)
      let place = CropPlace(volume: volume.extent, spacing: volume.spacing, crop: volume.extent, origin: [0, 0, 0])
      return Sample(identifier: identifier, draw: 0, clean: nil, biased: nil, label: volume.label, place: place)
    }
  }
}
