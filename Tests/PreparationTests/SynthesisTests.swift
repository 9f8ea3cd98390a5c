// Synthetic cohorts: the promised folder, no truth of unlabelled subjects, the same bytes from the same seed, anatomies that fold nowhere.

import Foundation
import Preparation
import Tensors
import TestSupport
import Testing
import Volumes

@Suite struct SynthesisTests {
  private func files(_ folder: String) -> [String] {
    (FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []).filter { $0.contains(".") }.sorted()
  }

  /// A scan of 40 mm with three labelled balls, 5, 6 and 9, and a text file with the names of two.
  private func makeTemplate(in folder: String) throws -> (image: String, labels: String) {
    let extent = Extent(40, 40, 40)
    let grid = FileGrid(canonical: extent, spacing: Spacing(1, 1, 1))
    var voxels = [Float](repeating: 0, count: extent.count)
    var labels = [UInt8](repeating: 0, count: extent.count)
    let balls: [(centre: [Int], label: UInt8)] = [([20, 20, 12], 5), ([20, 20, 28], 6), ([28, 28, 20], 9)]
    for d in 0..<40 {
      for h in 0..<40 {
        for w in 0..<40 {
          let at = extent.index(d, h, w)
          voxels[at] = 300
          for ball in balls {
            let offset = [d - ball.centre[0], h - ball.centre[1], w - ball.centre[2]]
            guard offset.reduce(0, { $0 + $1 * $1 }) <= 49 else { continue }
            labels[at] = ball.label
            voxels[at] = 900
          }
        }
      }
    }
    let paths = (image: "\(folder)/scan.nii.gz", labels: "\(folder)/atlas.nii.gz")
    try writeVolume(Volume(extent: extent, spacing: grid.spacing, voxels: voxels, grid: grid), to: paths.image)
    try writeLabels(LabelVolume(extent: extent, spacing: grid.spacing, labels: labels, grid: grid), to: paths.labels)
    try Data("5 Node_L 11\n6 Node_R 12\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/atlas.nii.txt"))
    return paths
  }

  /// Lesions of two subjects lie in different places; subjects that are moved look like those that are not, elsewhere.
  @Test func lesionsAnywhereAndShiftedPhantoms() throws {
    try withTemporaryFolder { folder in
      func labels(_ name: String, lesions: Bool = false, shift: Double = 0) throws -> [[UInt8]] {
        let plan = SynthesisPlan(output: "\(folder)/\(name)", subjects: 4, labelled: 2, scattersLesions: lesions, shift: shift)
        try synthesizeCohort(plan) { _ in }
        return try (1...2).map { try readLabels("\(plan.output)/labelsTr/subject_000\($0).nii.gz").labels }
      }
      let scattered = try labels("lesions", lesions: true)
      #expect(Set(scattered.joined()) == [0, 1])
      #expect(zip(scattered[0], scattered[1]).count { $0 > 0 && $1 > 0 } < scattered[0].count { $0 > 0 } / 2)
      let still = try labels("still"), moved = try labels("moved", shift: 25)
      let sizes = [still[0], moved[0]].map { $0.count { $0 == 1 } }
      #expect(still[0] != moved[0] && abs(Double(sizes[0]) / Double(sizes[1]) - 1) < 0.3)
      #expect {
        try synthesizeCohort(SynthesisPlan(output: folder + "/x", template: "a", labels: "b", shift: 3)) { _ in }
      } throws: {
        "\($0)".contains("for phantoms")
      }
    }
  }

  @Test func phasesOfASubjectAreListedWithVendorAndPatient() throws {
    try withTemporaryFolder { folder in
      let plan = SynthesisPlan(output: "\(folder)/cohort", subjects: 6, labelled: 2, seed: 5, phases: 3, vendors: 2)
      try synthesizeCohort(plan) { _ in }
      let cases = try Dataset.open(plan.output).cases, origins = cases.map { $0.origin! }
      #expect(cases.count < 18 && Set(origins.map(\.phase)) == ["phase1", "phase2", "phase3"], "some phases are missing")
      #expect(cases.filter { $0.role == .labelled }.map(\.identifier) == ["subject_0001_phase1", "subject_0002_phase1"])
      #expect(cases.count { $0.origin!.phase == "phase1" } == 6)
      for (patient, volumes) in Dictionary(grouping: origins, by: \.patient) {
        #expect(Set(volumes.map(\.vendor)) == [Int(patient.suffix(4))! % 2 == 1 ? "vendor1" : "vendor2"])
      }
      // Of a test subject all phases show one anatomy, out of place and in other contrasts.
      let phases = try cases.filter { $0.role == .test && $0.origin!.patient == "subject_0003" }.map { item in
        (image: try readVolume(item.images[0]).voxels, truth: try readLabels(item.label!).labels)
      }
      try #require(phases.count > 1)
      let sizes = phases.map { phase in Double(phase.truth.count { $0 == 1 }) }
      #expect(phases[0].truth != phases[1].truth && abs(sizes[0] / sizes[1] - 1) < 0.2)
      let means = phases.map { phase in
        (0...2).map { label in
          let inside = phase.image.indices.filter { phase.truth[$0] == label }.map { Double(phase.image[$0]) }
          return inside.reduce(0, +) / Double(inside.count)
        }
      }
      #expect(abs(means[0][1] / means[0][2] - means[1][1] / means[1][2]) > 0.05, "\(means)")
    }
  }

  @Test func phantomsFillTheFolderAndKeepTheTruthBack() throws {
    try withTemporaryFolder { folder in
      var lines: [String] = []
      let plan = SynthesisPlan(output: "\(folder)/cohort", subjects: 6, labelled: 2, seed: 3)
      try synthesizeCohort(plan) { lines.append($0) }
      #expect(lines.count == 7)
      let dataset = try Dataset.open(plan.output)
      #expect(dataset.labels.classNames == ["background", "organ", "core", "lesion"])
      #expect(dataset.cases.map(\.role) == [.labelled, .labelled, .test, .test, .unlabelled, .unlabelled])
      let found = files(plan.output)
      #expect(found.filter { $0.hasPrefix("labels") }.count == 4 && found.count == 1 + 6 + 4)
      #expect(!found.contains { $0.hasPrefix("labels") && ($0.contains("0005") || $0.contains("0006")) })
      var sizes: [Int] = []
      for subject in dataset.cases {
        let image = try readVolume(subject.images[0])
        #expect(image.extent == Extent(64, 64, 64) && image.spacing == Spacing(2, 2, 2))
        guard let label = subject.label else { continue }
        let truth = try readLabels(label)
        #expect(Set(truth.labels) == [0, 1, 2, 3] && sameGrid(image.grid, truth.grid) == nil)
        sizes.append(truth.labels.count { $0 == 1 })
      }
      #expect(Set(sizes).count == sizes.count && sizes.max()! < 4 * sizes.min()!, "organs differ, but not wildly: \(sizes)")
    }
  }

  @Test func sameSeedSameBytes() throws {
    try withTemporaryFolder { folder in
      for (name, seed) in [("a", UInt64(1)), ("b", 1), ("c", 2)] {
        try synthesizeCohort(SynthesisPlan(output: "\(folder)/\(name)", subjects: 3, labelled: 1, seed: seed)) { _ in }
      }
      let names = files("\(folder)/a").filter { $0.hasSuffix(".nii.gz") }
      #expect(names == files("\(folder)/b").filter { $0.hasSuffix(".nii.gz") } && names.count == 5)
      for name in names {
        let hash = try fileHash("\(folder)/a/\(name)")
        #expect(try hash == fileHash("\(folder)/b/\(name)"))
        #expect(try hash != fileHash("\(folder)/c/\(name)"))
      }
    }
  }

  @Test func templateClassesAreMergedNamedAndCropped() throws {
    try withTemporaryFolder { folder in
      let template = try makeTemplate(in: folder)
      let plan = SynthesisPlan(
        output: "\(folder)/cohort", subjects: 4, labelled: 1, template: template.image, labels: template.labels,
        classes: try SynthesisPlan.parseClasses("9, 5+6"), spacing: 1.5)
      try synthesizeCohort(plan) { _ in }
      let dataset = try Dataset.open(plan.output)
      #expect(dataset.labels.classNames == ["background", "class-9", "Node"])
      for subject in dataset.cases {
        let image = try readVolume(subject.images[0])
        #expect(image.spacing == Spacing(1.5, 1.5, 1.5))
        #expect((0..<3).allSatisfy { image.extent[$0] <= 27 })
        guard let label = subject.label else { continue }
        let truth = try readLabels(label)
        let (one, two) = (truth.labels.count { $0 == 1 }, truth.labels.count { $0 == 2 })
        // A ball of radius 7 mm has 426 voxels of 1.5 mm.
        #expect((210...850).contains(one) && (430...1700).contains(two), "\(one) and \(two) voxels")
        // Bright classes on a darker ground stay brighter, whatever the scanner.
        let bright = zip(image.voxels, truth.labels).filter { $1 == 2 }.map(\.0)
        let dark = zip(image.voxels, truth.labels).filter { $1 == 0 && $0 > 0 }.map(\.0)
        #expect(mean(bright) > mean(dark))
      }
    }
  }

  private func mean(_ values: [Float]) -> Float {
    let sum = values.reduce(0, +)
    return sum / Float(values.count)
  }

  /// The Jacobian determinant of a random anatomy is positive at every voxel, and local volumes do change.
  @Test(arguments: 1...8) func anatomiesDoNotFold(seed: UInt64) {
    let (count, step) = (40, Float(3))
    let deformation = Deformation(RandomKey(seed), size: SIMD3(repeating: Float(count) * step), scale: 1)
    var points = [SIMD3<Float>](repeating: .zero, count: count * count * count)
    for d in 0..<count {
      for h in 0..<count {
        points.withUnsafeMutableBufferPointer { buffer in
          let start = (d * count + h) * count
          deformation.map(
            row: SIMD3(Float(d), Float(h), 0) * step, step: step,
            into: UnsafeMutableBufferPointer(rebasing: buffer[start..<start + count]))
        }
      }
    }
    var determinants: [Float] = []
    for d in 0..<count - 1 {
      for h in 0..<count - 1 {
        for w in 0..<count - 1 {
          let at = (d * count + h) * count + w
          let (a, b, c) = (points[at + count * count] - points[at], points[at + count] - points[at], points[at + 1] - points[at])
          let cross = SIMD3(b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0])
          determinants.append((a * cross).sum() / (step * step * step))
        }
      }
    }
    #expect(determinants.min()! > 0.1 && determinants.max()! < 5)
    #expect(determinants.max()! > 1.1 * determinants.min()!)
  }

  @Test func smoothFieldsHaveUnitVarianceAndAreSmooth() {
    let extent = Extent(60, 60, 60)
    let field = smoothField(RandomKey(5), extent: extent, spacing: 1, latticeSpacing: 4)
    let (centre, variance) = (mean(field), mean(field.map { $0 * $0 }))
    #expect(abs(centre) < 0.1 && abs(variance - 1) < 0.15, "mean \(centre), variance \(variance)")
    let steps = (1..<60).map { abs(field[$0] - field[$0 - 1]) }
    #expect(steps.max()! < 1.5, "neighbours differ by a fraction of the standard deviation")
  }

  @Test func contrastCurvesIncrease() {
    for seed in 1...20 {
      let curve = ContrastCurve(RandomKey(UInt64(seed)))
      let values = (0...100).map { curve(Float($0) / 100) }
      #expect(values[0] == 0 && abs(values[100] - 1) < 1e-5)
      #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
    }
  }

  @Test func impossiblePlansAreRefusedBeforeAnythingIsWritten() throws {
    try withTemporaryFolder { folder in
      let template = try makeTemplate(in: folder)
      let output = "\(folder)/cohort"
      func plan(_ change: (inout SynthesisPlan) -> Void) -> SynthesisPlan {
        var plan = SynthesisPlan(output: output, template: template.image, labels: template.labels, classes: [[5]])
        change(&plan)
        return plan
      }
      let small = "\(folder)/small.nii.gz"
      let grid = FileGrid(canonical: Extent(4, 4, 4), spacing: Spacing(1, 1, 1))
      try writeLabels(
        LabelVolume(extent: grid.extent, spacing: grid.spacing, labels: [UInt8](repeating: 5, count: 64), grid: grid), to: small)
      let plans: [(SynthesisPlan, String)] = [
        (plan { $0.subjects = 3 }, "at least one unlabelled"), (plan { $0.labelled = 0 }, "labelled is 0"),
        (plan { $0.output = folder }, "not an empty folder"), (plan { $0.classes = [[5], [77]] }, "the value 77"),
        (plan { $0.classes = [[5], [6, 5]] }, "the value 5 twice"), (plan { $0.labels = small }, "different shapes"),
        (plan { $0.labels = nil }, "go together"), (plan { $0.spacing = 50 }, "from 0.2 to 10"),
        (plan { $0.spacing = 9 }, "choose a spacing"), (plan { $0.template = "\(folder)/none.nii" }, "does not exist"),
        (plan { ($0.template, $0.labels) = (nil, nil) }, "leave classes out"),
      ]
      for (plan, expected) in plans {
        let error = #expect(throws: PreparationError.self, "\(expected)") { try synthesizeCohort(plan) { _ in } }
        #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
      }
      #expect(!FileManager.default.fileExists(atPath: output))
      for text in ["", "37,,38", "a", "0", "256", "37+"] {
        #expect(throws: PreparationError.self, "\(text)") { try SynthesisPlan.parseClasses(text) }
      }
      #expect(try SynthesisPlan.parseClasses("37+38,77") == [[37, 38], [77]])
    }
  }
}
