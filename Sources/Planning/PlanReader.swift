// nnU-Net's readers of images, by which a plan says what the axes of its shapes and spacings are (MIC-DKFZ/nnUNet v2.8.1, nnunetv2/imageio/).

import Preparation
import Volumes

/// A reader that a plan names.
struct PlanReader {
  let name: String
  let start: AxisOrder.Start

  /// Readers of NIfTI; those of other formats cannot have made a plan for files that are read here.
  private static let known: [(name: String, start: AxisOrder.Start)] = [
    ("SimpleITKIO", .file), ("NibabelIO", .file), ("NibabelIOWithReorient", .canonical), ("SimpleITKIOWithReorient", .canonical),
  ]

  /// Nil for a reader of another format.
  init?(name: String) {
    guard let found = Self.known.first(where: { $0.name == name }) else { return nil }
    (self.name, start) = found
  }

  /// The reader that a data set asks for, or nnU-Net's first choice for NIfTI.
  init(of dataset: Dataset) throws(PreparationError) {
    let name = dataset.imageReader ?? Self.known[0].name
    guard let reader = Self(name: name) else {
      throw PreparationError(
        "\(dataset.folder)/dataset.json asks for the reader \(name) in overwrite_image_reader_writer, and files are read only as by "
          + "\(Self.names): take one of these.")
    }
    self = reader
  }

  static var names: String { known.map(\.name).joined(separator: ", ") }

  /// Says so where the files of a data set have their axes in different orders and the reader keeps them.
  /// - Parameter orders: the file axis of D, H and W of each case.
  func warnings(_ orders: [[Int]]) -> [String] {
    let turned = Set(orders).count
    guard start == .file, turned > 1 else { return [] }
    return [
      "The files of this data set have their axes in \(turned) different orders, which \(name) keeps as they are: if that is not meant, set "
        + "overwrite_image_reader_writer to NibabelIOWithReorient in dataset.json and plan again."
    ]
  }
}
