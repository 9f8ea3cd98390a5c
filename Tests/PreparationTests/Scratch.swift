// Temporary folders and small data sets for the tests of preparation.

import Foundation
import TestSupport
import Testing
import Volumes

/// Files of one test in a temporary folder.
struct Scratch {
  private let folder = TemporaryFolder()
  var path: String { folder.path }

  /// A ball of intensity 100 + texture in an empty frame, extent 12x20x16.
  static func ball(seed: Int = 0) -> (image: [Float], label: [UInt8]) {
    let extent = Self.extent
    var (image, label) = ([Float](repeating: 0, count: extent.count), [UInt8](repeating: 0, count: extent.count))
    for d in 2..<10 {
      for h in 3..<18 {
        for w in 2..<14 {
          let voxel = extent.index(d, h, w)
          image[voxel] = Float(20 + (voxel * 7 + seed) % 11)
          if (d - 6) * (d - 6) + (h - 10) * (h - 10) + (w - 8) * (w - 8) < 9 { (image[voxel], label[voxel]) = (100, 1) }
        }
      }
    }
    return (image, label)
  }

  /// The values [D, H, W] with H reversed.
  static func mirrored(_ values: [UInt8]) -> [UInt8] {
    (0..<extent.depth).flatMap { d in
      (0..<extent.height).reversed().flatMap { h in values[extent.index(d, h, 0)..<extent.index(d, h, extent.width)] }
    }
  }

  static let extent = Extent(12, 20, 16)
  static let spacing = Spacing(2, 1, 1)
  static let grid = FileGrid(canonical: extent, spacing: spacing)

  func write(image: [Float], extent: Extent = extent, grid: FileGrid = grid, to name: String) throws {
    try writeVolume(Volume(extent: extent, spacing: grid.spacing, voxels: image, grid: grid), to: "\(path)/\(name)")
  }

  func write(label: [UInt8], extent: Extent = extent, grid: FileGrid = grid, to name: String) throws {
    try writeLabels(LabelVolume(extent: extent, spacing: grid.spacing, labels: label, grid: grid), to: "\(path)/\(name)")
  }

  /// Two labelled cases, one unlabelled, one test case, in the folder `data`.
  func writeDataset() throws {
    for folder in ["imagesTr", "labelsTr", "imagesUn", "imagesTs", "labelsTs"] {
      try FileManager.default.createDirectory(atPath: "\(path)/data/\(folder)", withIntermediateDirectories: true)
    }
    try Dataset.write(
      name: "Balls", channelNames: ["CT"], classNames: ["background", "ball"], labelled: 2, to: "\(path)/data")
    for (seed, place) in [("Tr", "a"), ("Tr", "b"), ("Un", "c"), ("Ts", "d")].enumerated() {
      let ball = Self.ball(seed: seed)
      try write(image: ball.image, to: "data/images\(place.0)/\(place.1)_0000.nii.gz")
      if place.0 != "Un" { try write(label: ball.label, to: "data/labels\(place.0)/\(place.1).nii.gz") }
    }
  }

  /// Name and content of every file in a folder.
  func contents(_ folder: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)") {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(folder)/\(name)"))
    }
    return files
  }
}
