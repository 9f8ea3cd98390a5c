// What cohort to make: how many subjects, from which labelled scan (or from phantoms), at which resolution.

import Foundation
import Volumes

/// The description of a synthetic cohort.
public struct SynthesisPlan: Sendable {
  /// The data set folder to make; it must not exist or be empty.
  public var output: String
  public var subjects: Int
  /// How many of the subjects get a label file for training.
  public var labelled: Int
  public var seed: UInt64
  /// A real scan and its label map, both or neither; phantoms when nil.
  public var template: String?
  public var labels: String?
  /// Label values of each class in order of the new labels 1, 2, ...; empty means every value that occurs, one class each.
  public var classes: [[Int]]
  /// Isotropic spacing of the images, millimetres.
  public var spacing: Double
  /// Volumes of a subject, each in another contrast, and scanners on which subjects lie in turn.
  public var phases, vendors: Int
  /// Whether the only class of phantoms are lesions, of which no subject tells where those of another lie.
  public var scattersLesions: Bool
  /// The most by which phantoms are moved along each axis, millimetres.
  public var shift: Double

  public init(
    output: String, subjects: Int = 16, labelled: Int = 2, seed: UInt64 = 7, template: String? = nil, labels: String? = nil,
    classes: [[Int]] = [], spacing: Double = 2, phases: Int = 1, vendors: Int = 1, scattersLesions: Bool = false,
    shift: Double = 0
  ) {
    (self.output, self.subjects, self.labelled, self.seed) = (output, subjects, labelled, seed)
    (self.template, self.labels, self.classes, self.spacing) = (template, labels, classes, spacing)
    (self.phases, self.vendors) = (phases, vendors)
    (self.scattersLesions, self.shift) = (scattersLesions, shift)
  }

  /// A quarter of the subjects, rounded, at least one.
  public var testSubjects: Int { max(1, Int((Double(subjects) / 4).rounded())) }

  /// Reads "37+38,77+78": classes are separated by commas, `+` merges label values into one class.
  public static func parseClasses(_ text: String) throws(PreparationError) -> [[Int]] {
    var classes: [[Int]] = []
    for group in text.split(separator: ",", omittingEmptySubsequences: false) {
      var values: [Int] = []
      for part in group.split(separator: "+", omittingEmptySubsequences: false) {
        guard let value = Int(part.trimmingCharacters(in: .whitespaces)), (1...255).contains(value) else {
          throw PreparationError(
            "classes '\(text)' has '\(part)' where a label value from 1 to 255 should be: write for instance 37+38,77+78.")
        }
        values.append(value)
      }
      classes.append(values)
    }
    return classes
  }

  /// Refuses plans that cannot be carried out, before anything is read or written.
  func validate() throws(PreparationError) {
    guard 1...9999 ~= labelled else {
      throw PreparationError("labelled is \(labelled): at least one subject needs a label, and 9999 can have one.")
    }
    let needed = labelled + testSubjects + 1
    guard subjects >= needed, subjects <= 9999 else {
      throw PreparationError(
        "subjects is \(subjects): \(labelled) labelled, \(testSubjects) test and at least one unlabelled subject make \(needed), so ask for that many or more (9999 at most)."
      )
    }
    guard spacing >= 0.2, spacing <= 10 else {
      throw PreparationError("spacing is \(spacing) mm: give a value from 0.2 to 10.")
    }
    guard 1...20 ~= phases, 1...20 ~= vendors else {
      throw PreparationError("phases is \(phases) and vendors \(vendors): ask for 1 to 20 of each.")
    }
    guard (template == nil) == (labels == nil) else {
      throw PreparationError("template and labels go together: give both files, or neither for phantoms.")
    }
    guard template == nil || (!scattersLesions && shift == 0) else {
      throw PreparationError("lesions and shift are for phantoms: leave them out, or template and labels.")
    }
    guard 0...25 ~= shift else { throw PreparationError("shift is \(shift) mm: give a value from 0 to 25.") }
    guard template != nil || classes.isEmpty else {
      throw PreparationError("classes choose values of a label file: give template and labels too, or leave classes out.")
    }
    let values = classes.flatMap { $0 }
    if let twice = values.first(where: { value in values.count { $0 == value } > 1 }) {
      throw PreparationError("classes name the value \(twice) twice: a voxel can have only one class, so name it once.")
    }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: output, isDirectory: &isFolder) {
      let content = isFolder.boolValue ? try? FileManager.default.contentsOfDirectory(atPath: output) : nil
      guard content?.isEmpty == true else {
        throw PreparationError("\(output) exists and is not an empty folder: name a new one, or remove it.")
      }
    }
  }
}
