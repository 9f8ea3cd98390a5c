// `cohort import dicom` with a program in place of dcm2niix that says what dcm2niix says, and without one.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite struct ImportCommandTests {
  /// Called as `dcm2niix -b y -z y -f %s -o OUTPUT FOLDER`. The name of the folder says what is in it.
  private let converter = #"""
    #!/bin/bash
    output=$8 folder=$9
    series() { cp "$SAMPLE" "$output/$1.nii.gz"; echo '{"Modality": "CT"}' > "$output/$1.json"; }
    case $folder in
      *gap) echo 'Warning: Interslice distance varies in this volume (incompatible with NIfTI format).'; series 1; series 1_Eq_1 ;;
      *two) series 1; series 2 ;;
      *slow) while [ -d "$output" ]; do sleep 0.1; done ;;
      *none) echo "Error: Unable to find any DICOM images in $folder (or subfolders 5 deep)"; exit 2 ;;
      *) series 1 ;;
    esac
    """#

  /// The environment in which it is found.
  private func makeConverter(in folder: String) throws -> [String: String] {
    let extent = Extent(3, 4, 5), grid = FileGrid(canonical: extent, spacing: Spacing(3, 1, 1)),
      program = "\(folder)/bin/dcm2niix"
    try writeVolume(
      Volume(extent: extent, spacing: grid.spacing, voxels: (0..<60).map { Float($0) }, grid: grid), to: "\(folder)/sample.nii.gz"
    )
    try writeLabels(
      LabelVolume(extent: extent, spacing: grid.spacing, labels: [3] + [UInt8](repeating: 0, count: 59), grid: grid),
      to: "\(folder)/labels/p1.nii.gz")
    try Data(converter.utf8).write(to: URL(fileURLWithPath: program))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    return ["PATH": "\(folder)/bin:/usr/bin:/bin", "SAMPLE": "\(folder)/sample.nii.gz"]
  }

  private func makeFolders(_ names: [String], in folder: String) throws {
    for name in names { try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true) }
  }

  @Test func seriesBecomeCases() throws {
    try withTemporaryFolder { folder in
      try makeFolders(["bin", "labels", "scans/p1", "scans/p2"], in: folder)
      let environment = try makeConverter(in: folder), output = "\(folder)/data"
      let arguments = [
        "import", "dicom", "\(folder)/scans", "--labels", "\(folder)/labels", "--classes", "liver", "--output", output,
      ]
      let (status, text) = try runAlone(arguments, environment: environment, executable: "cohort")
      #expect(status == 0, "\(text)")
      let data = try Dataset.open(output)
      #expect(data.cases.map(\.role) == [.labelled, .unlabelled] && data.channelNames == ["CT"])
      #expect(try readLabels(data.cases[0].label!).labels.max() == 1)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: output).sorted() == [
          "dataset.json", "imagesTr", "imagesUn", "labelsTr",
        ])
    }
  }

  @Test func seriesThatCannotBeMeant() throws {
    try withTemporaryFolder { folder in
      try makeFolders(["bin", "labels", "scans/gap", "scans/two", "scans/none", "scans/good"], in: folder)
      let environment = try makeConverter(in: folder),
        arguments = ["import", "dicom", "\(folder)/scans", "--output", "\(folder)/data"]
      let (status, text) = try runAlone(arguments, environment: environment, executable: "cohort")
      #expect(status == 3, "\(text)")
      for part in [
        "gap has slices at unequal distances", "two holds 2 series (numbers 1, 2)",
        "none holds no series that dcm2niix converts (Error: Unable",
      ] { #expect(text.contains(part), "\(text)") }
      let without = try runAlone(arguments, environment: ["PATH": "\(folder)/labels"], executable: "cohort")
      #expect(without.status == 3 && without.output.contains("apt install dcm2niix"), "\(without.output)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { !$0.hasPrefix("data") })
    }
  }

  @Test func anInterruptedImportLeavesNothing() throws {
    try withTemporaryFolder { folder in
      try makeFolders(["bin", "labels", "scans/slow"], in: folder)
      let environment = try makeConverter(in: folder), before = try FileManager.default.contentsOfDirectory(atPath: folder)
      func made() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { !before.contains($0) }
      }
      for number in [SIGINT, SIGTERM] {
        let program = try startAlone(
          ["import", "dicom", "\(folder)/scans", "--output", "\(folder)/data"], environment: environment, executable: "cohort")
        while try made().isEmpty, program.isRunning { usleep(10_000) }
        #expect(try made().allSatisfy { $0.hasPrefix("data.unfinished") } && program.isRunning)
        kill(program.processIdentifier, number)
        program.waitUntilExit()
        #expect(program.terminationReason == .uncaughtSignal && program.terminationStatus == number)
        #expect(try made().isEmpty)
      }
    }
  }
}
