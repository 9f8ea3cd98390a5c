// The labels of dataset.json: classes, regions in the order of the file, voxels of which nothing is known, and the sentence for each that cannot be.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite struct LabelDescriptionTests {
  private func labels(_ labels: String, _ more: String = "") throws -> LabelMeaning {
    try withTemporaryFolder { folder in
      // A table with the same keys must not be taken for the labels.
      let json = #"{"other": {"labels": 3, "x": 1}, "channel_names": {"0": "MRI"}, "labels": \#(labels)\#(more)}"#
      try json.write(toFile: folder + "/dataset.json", atomically: true, encoding: .utf8)
      return try Dataset.names(ofFolder: folder).labels
    }
  }

  /// nnU-Net takes the regions as the file lists them, and gives each the label at its place in the order.
  @Test func regionsKeepTheOrderOfTheFile() throws {
    let found = try labels(
      #"{"background": 0, "zone \"w\"": [1, 2, 3], "core": [2, 3], "active": 3, "ignore": 4}"#,
      #", "regions_class_order": [1, 2, 3]"#)
    #expect(
      found.regions == [
        LabelRegion(name: "zone \"w\"", labels: [1, 2, 3]), LabelRegion(name: "core", labels: [2, 3]),
        LabelRegion(name: "active", labels: [3]),
      ])
    #expect(found.classNames == ["background", "zone \"w\"", "core", "active"] && found.ignored == 4 && found.greatest == 4)
    #expect(found.structures == [[1, 2, 3], [2, 3], [3]] && found.entryCount == 5)
    let turned = try labels(
      #"{"a": 3, "b": [3, 1, 2], "background": 0, "c": [2, 3]}"#, #", "regions_class_order": [3, 1, 2]"#)
    #expect(turned.regions?.map(\.labels) == [[3], [1, 2, 3], [2, 3]] && turned.regions?.map(\.name) == ["a", "b", "c"])
  }

  @Test func classesAreByValue() throws {
    let found = try labels(#"{"tumour": 2, "ignore": 3, "background": 0, "liver": [1]}"#)
    #expect(found == LabelMeaning(classNames: ["background", "liver", "tumour"], hasIgnored: true))
    #expect(found.structures == [[1], [2]] && found.structureNames == ["background", "liver", "tumour"])
    #expect(try labels(#"{"0": "background", "1": "spleen"}"#) == LabelMeaning(classNames: ["background", "spleen"]))
  }

  @Test(arguments: [
    (#"{"background": 0, "a": 1, "ignore": 3}"#, "", "the one after the last class, 2"),
    (#"{"background": 0, "a": 1, "ignore": [1, 2]}"#, "", "must be one number"),
    (#"{"background": 0, "a": [1, 2], "b": 2}"#, "", "has 2 regions among its labels and no regions_class_order"),
    (#"{"background": 0, "a": [1, 2], "b": 2}"#, #", "regions_class_order": [1]"#, "no regions_class_order of as many labels"),
    (#"{"background": 0, "a": [1, 2], "b": 2}"#, #", "regions_class_order": [1, 1]"#, "'b' of the labels 2, for which"),
    (#"{"background": 0, "a": [0, 1, 2], "b": 2}"#, #", "regions_class_order": [1, 2]"#, "none of them 0"),
    (#"{"background": 0, "a": [1, 3]}"#, #", "regions_class_order": [1]"#, "without gaps"),
    (#"{"background": 0, "a": "x"}"#, "", "gives label 'a' neither a whole number"),
  ]) func whatCannotBeIsNamed(table: String, more: String, text: String) throws {
    let error = #expect(throws: VolumeError.self) { try labels(table, more) }
    #expect(error?.description.contains(text) == true && error?.description.contains("dataset.json") == true, "\(error!)")
  }

  /// nnU-Net 1 lists images without the number of their channel; the Decathlon's files have none.
  @Test func listedImagesAreAccountedFor() throws {
    try withTemporaryFolder { folder in
      func write(_ files: [String], _ listed: [String]) throws {
        try? FileManager.default.removeItem(atPath: folder + "/data")
        for file in files {
          let path = URL(fileURLWithPath: "\(folder)/data/\(file)")
          try FileManager.default.createDirectory(at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
          try Data().write(to: path)
        }
        let training = listed.map { #"{"image": "./imagesTr/\#($0).nii.gz", "label": "./labelsTr/\#($0).nii.gz"}"# }
        try #"""
        {"modality": {"0": "CT"}, "labels": {"0": "background", "1": "spleen"}, "numTraining": \#(listed.count),
         "training": [\#(training.joined(separator: ", "))], "test": ["./imagesTs/t.nii.gz"]}
        """#.write(toFile: folder + "/data/dataset.json", atomically: true, encoding: .utf8)
      }
      let labels = ["labelsTr/x.nii.gz", "labelsTr/y.nii.gz"]
      for images in [
        ["imagesTr/x_0000.nii.gz", "imagesTr/y_0000.nii.gz"], ["imagesTr/x.nii.gz", "imagesTr/y.nii.gz", "imagesTs/t.nii.gz"],
      ] {
        try write(images + labels, ["x", "y"])
        let cases = try Dataset.open(folder + "/data").cases.filter { $0.role == .labelled }
        #expect(
          cases.map(\.identifier) == ["x", "y"] && cases.map { $0.images[0] } == images.prefix(2).map { "\(folder)/data/\($0)" })
      }
      try write(["imagesTr/x.nii.gz", labels[0]], ["x", "z"])
      let error = #expect(throws: VolumeError.self) { try Dataset.open(folder + "/data") }
      #expect(error?.description.contains("lists training cases that imagesTr does not hold whole: z") == true, "\(error!)")
    }
  }
}
