// Small folders in the layouts of others, for the tests of imports.

import Foundation
import HDF5
import Preparation
import TestSupport
import Testing
import Volumes

/// A folder `raw` to import from, and the data set `data` beside it.
struct ForeignFolder {
  private let folder = TemporaryFolder()
  var raw: String { "\(folder.path)/raw" }
  var data: String { "\(folder.path)/data" }

  static let extent = Extent(3, 4, 5)
  static let grid = FileGrid(canonical: extent, spacing: Spacing(2, 1, 1))

  /// Labels that begin with `values`, all others 0.
  static func labels(_ values: [UInt8]) -> [UInt8] { values + [UInt8](repeating: 0, count: extent.count - values.count) }

  func place(_ name: String) throws -> String {
    let path = "\(raw)/\(name)"
    try FileManager.default.createDirectory(atPath: parent(path), withIntermediateDirectories: true)
    return path
  }

  private func parent(_ path: String) -> String { (path as NSString).deletingLastPathComponent }

  func write(images: [String], extent: Extent = extent) throws {
    for name in images {
      let grid = FileGrid(canonical: extent, spacing: Self.grid.spacing)
      try writeVolume(
        Volume(extent: extent, spacing: grid.spacing, voxels: (0..<extent.count).map { Float($0 % 7) }, grid: grid),
        to: try place(name))
    }
  }

  func write(label: String, _ values: [UInt8]) throws {
    try writeLabels(
      LabelVolume(extent: Self.extent, spacing: Self.grid.spacing, labels: Self.labels(values), grid: Self.grid),
      to: try place(label))
  }

  func write(text: String, to name: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: try place(name))) }

  /// An HDF5 file with the given arrays, of which `image` counts from 0.
  func write(arrays name: String, image: [Int]?, label: [Int]? = nil, labels: [Float] = []) throws {
    let file = try File.create(try place(name))
    try file.closing { (file) throws(H5Error) in
      if let image {
        try file.write((0..<image.reduce(1, *)).map { Float($0) }, to: "image", extent: image)
      }
      if let label {
        let values = labels + [Float](repeating: 0, count: label.reduce(1, *) - labels.count)
        try file.write(values, to: "label", extent: label)
      }
    }
  }

  /// Expects an error with all of the texts, and nothing beside `raw`.
  func expectRefusal(_ texts: String..., by body: (ForeignFolder) throws -> ImportReport) throws {
    #expect { _ = try body(self) } throws: { error in
      let isWhole = texts.allSatisfy { "\(error)".contains($0) }
      if !isWhole { Issue.record("\(error)") }
      return isWhole
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["raw"])
  }
}
