// Synthetic cohorts: many subjects from one labelled scan, or from phantoms, as a data set folder in the layout of Volumes/Dataset.swift.
// Truth of unlabelled subjects is never written, so that nobody can train on it by accident. The same plan gives the same bytes.

import Foundation
import Tensors
import Volumes

/// Makes the data set folder of a plan; `report` is called with a line for each subject and one for the whole.
///
/// `labelled` of the subjects go to imagesTr, a quarter to imagesTs, the others to imagesUn. With a template each image is cut to
/// the classes with 10 mm around them; phantoms are cubes of 64 voxels a side.
/// Errors: too few subjects, an output folder that is not empty, classes that do not occur, files that cannot be read or written.
public func synthesizeCohort(_ plan: SynthesisPlan, report: (String) -> Void) throws(PreparationError) {
  try plan.validate()
  let template = try plan.template.map { (path) throws(PreparationError) in
    // The margin in the template is wider than that of the images, because a deformation moves the classes.
    try SynthesisTemplate(plan, template: path, labels: plan.labels!, margin: imageMargin + 15)
  }
  if let template { try requireSensibleSize(template, spacing: plan.spacing) }
  try makeFolders(plan)
  let classNames = template?.classNames ?? phantomClasses(scattersLesions: plan.scattersLesions)
  var volumes: [PlannedVolume] = []
  for index in 0..<plan.subjects {
    let name = "subject_" + String(repeating: "0", count: 4 - String(index + 1).count) + String(index + 1)
    let key = RandomKey(seed: plan.seed, volume: name, draw: 0, stream: RandomStream.synthesis)
    let anatomy = template ?? phantom(key.child(0), spacing: plan.spacing, scattersLesions: plan.scattersLesions)
    for volume in plan.volumes(ofSubject: index, named: name, key: key) {
      var subject = synthesizeSubject(
        anatomy, key: key.child(1), volume, spacing: plan.spacing, scale: template == nil ? plan.spacing / 2 : 1,
        shift: plan.shift)
      if template != nil { subject.crop(spacing: plan.spacing) }
      try requireAllClasses(subject, classNames, volume.identifier)
      try write(subject, identifier: volume.identifier, role: volume.role, plan: plan)
      report("\(volume.identifier): \(volume.role.rawValue), \(subject.extent) voxels")
      volumes.append(volume)
    }
  }
  let channel = template == nil ? "phantom" : "MR"
  try readingVolumes { () throws(VolumeError) in
    try Dataset.write(
      name: URL(fileURLWithPath: plan.output).lastPathComponent, channelNames: [channel], classNames: classNames,
      labelled: plan.labelled, to: plan.output)
  }
  if plan.hasPhases { try writeManifest(volumes, to: plan.output) }
  let counts = CaseRole.allCases.map { role in "\(volumes.count { $0.role == role }) \(role.rawValue)" }
  report(
    "\(plan.output): \(counts.joined(separator: ", ")) volumes; classes \(classNames.dropFirst().joined(separator: ", "))")
}

/// Millimetres around the classes that an image made from a template keeps.
private let imageMargin = 10.0

extension SynthesisPlan {
  func role(ofSubject index: Int) -> CaseRole {
    index < labelled ? .labelled : index < labelled + testSubjects ? .test : .unlabelled
  }
}

extension SynthesizedSubject {
  /// Cuts to the classes and the margin around them.
  fileprivate mutating func crop(spacing: Double) {
    let margin = Int((imageMargin / spacing).rounded(.up))
    let box = labelBox(labels, extent, margin: [margin, margin, margin])
    guard !box.contains(where: \.isEmpty) else { return }
    voxels = cropped(voxels, extent, to: box)
    labels = cropped(labels, extent, to: box)
    extent = Extent(box[0].count, box[1].count, box[2].count)
  }
}

private func requireSensibleSize(_ template: SynthesisTemplate, spacing: Double) throws(PreparationError) {
  let counts = (0..<3).map { Double(template.size[$0]) / spacing }
  guard counts.min()! >= 8, counts.reduce(1, *) <= 0x1p28 else {
    let text = counts.map { String(Int($0)) }.joined(separator: "x")
    throw PreparationError(
      "spacing \(spacing) mm would give images of about \(text) voxels: choose a spacing that gives 8 to 600 along each axis.")
  }
}

private func requireAllClasses(_ subject: SynthesizedSubject, _ classNames: [String], _ identifier: String)
  throws(PreparationError)
{
  var found = [Bool](repeating: false, count: 256)
  for label in subject.labels { found[Int(label)] = true }
  for (label, name) in classNames.enumerated() where !found[label] {
    throw PreparationError("\(identifier) would have no voxel of '\(name)': choose larger classes, or a finer spacing.")
  }
}

/// Makes the folders anew: one that is there by now belongs to somebody who began at the same time.
private func makeFolders(_ plan: SynthesisPlan) throws(PreparationError) {
  for name in ["", "/imagesTr", "/labelsTr", "/imagesTs", "/labelsTs", "/imagesUn"] {
    do {
      try FileManager.default.createDirectory(atPath: plan.output + name, withIntermediateDirectories: name.isEmpty)
    } catch {
      throw PreparationError(
        "\(plan.output)\(name) cannot be made (\(error.localizedDescription)): choose another output folder.")
    }
  }
}

private func write(_ subject: SynthesizedSubject, identifier: String, role: CaseRole, plan: SynthesisPlan)
  throws(PreparationError)
{
  let spacing = Spacing(plan.spacing, plan.spacing, plan.spacing)
  let grid = FileGrid(canonical: subject.extent, spacing: spacing)
  let (images, labels) = role.folders
  do {
    let image = Volume(extent: subject.extent, spacing: spacing, voxels: subject.voxels, grid: grid)
    try writeVolume(image, to: "\(plan.output)/\(images)/\(identifier)_0000.nii.gz")
    if let labels {
      let truth = LabelVolume(extent: subject.extent, spacing: spacing, labels: subject.labels, grid: grid)
      try writeLabels(truth, to: "\(plan.output)/\(labels)/\(identifier).nii.gz")
    }
  } catch {
    throw PreparationError(error.description)
  }
}
