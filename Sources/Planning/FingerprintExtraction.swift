// The fingerprint of a data set from its files, by one process or by a team, which gives the same bytes: every case is measured by one process, what
// is added up in floating point is added in the order of the cases, and histograms merge exactly.

import Files
import Foundation
import Kernels
import Preparation
import Volumes

/// A fingerprint and what was found out on the way.
public struct ExtractedFingerprint: Codable, Sendable {
  /// nnU-Net's name of the reader whose axes the fingerprint has.
  public let reader: String
  /// What people must know, a sentence each.
  public let warnings: [String]
  /// The text of dataset_fingerprint.json.
  public let text: String
}

/// Measures the labelled cases of a data set, and the shapes and spacings of unlabelled ones if they count. Each process reads a share of the cases, one
/// volume at a time. Errors: files that cannot be read or contradict each other, a case that is zero everywhere, all of them listed; no foreground.
///
/// - Parameter report: gets a line for each case that this process has measured.
public func extractFingerprint(
  _ dataset: Dataset, countsUnlabelled: Bool, team: some PreparationTeam = SoloTeam(), report: (String) -> Void = { _ in }
) throws -> ExtractedFingerprint {
  let cases = dataset.cases.filter { $0.role == .labelled || countsUnlabelled && $0.role == .unlabelled }
  let reader = try PlanReader(of: dataset)
  let reading = CaseReading(labels: dataset.labels, axes: AxisOrder(start: reader.start))
  var histograms = [IntensityHistogram](repeating: IntensityHistogram(), count: dataset.channelNames.count)
  let measures = try team.share(cases, bytes: cases.map { bytesOnDisk(files($0)) }) { number, item in
    team.mark("fingerprint of \(item.identifier)")
    let measure = CaseMeasure(of: item, reading, adding: &histograms)
    report("\(number + 1) of \(cases.count): \(item.identifier), \(measure.problem ?? "\(measure.shape) voxels")")
    return measure
  }
  let merged = try team.all { histograms }.reduce(histograms.map { _ in IntensityHistogram() }) { sum, other in
    zip(sum, other).map { pair in
      var both = pair.0
      both.merge(pair.1)
      return both
    }
  }
  return try team.first {
    let problems = measures.compactMap(\.problem)
    guard problems.isEmpty else {
      throw PreparationError(
        problems.count == 1
          ? problems[0] : sentence(about: problems, one: "", many: "cases cannot be measured", cure: "mend or remove them"))
    }
    let fingerprint = try DatasetFingerprint(measures, merged, dataset)
    return ExtractedFingerprint(
      reader: reader.name, warnings: dataset.warnings + reader.warnings(measures.map(\.fileAxis)), text: fingerprint.text)
  }
}

/// One case, measured.
private struct CaseMeasure: Codable {
  private(set) var shape: [Int] = [], spacing: [Double] = [], fileAxis: [Int] = []
  /// Nil for an unlabelled case.
  private(set) var relativeSize: Double?
  /// One for each channel; none where there is no foreground.
  private(set) var moments: [IntensityMoments] = []
  private(set) var problem: String?

  /// - Parameter histograms: those of the channels, to which the case's foreground is added with the weight of a case.
  init(of item: DatasetCase, _ reading: CaseReading, adding histograms: inout [IntensityHistogram]) {
    do throws(PreparationError) {
      var content = try CaseContent(images: item.images, label: labelPath(item), reading)
      (shape, spacing) = ((0..<3).map { content.box.extent[$0] }, (0..<3).map { content.grid.spacing[$0] })
      fileAxis = content.grid.canonical.fileAxis
      guard let labels = content.labels else { return }
      relativeSize = Double(content.box.extent.count) / Double(content.grid.extent.count)
      let classes = content.box.crop(labels, of: content.grid.extent)
      var found = [IntensityMoments?](repeating: nil, count: content.channels)
      for channel in content.channelOrder {
        let values = foreground(of: try content.cropped(channel), classes)
        guard !values.isEmpty else { return }
        found[channel] = IntensityMoments(of: values)
        histograms[channel].merge(IntensityHistogram(counting: values).normalized())
      }
      moments = found.compactMap { $0 }
    } catch { problem = error.description }
  }
}

/// The voxels that have a class.
private func foreground(of voxels: [Float], _ classes: [UInt8]) -> [Float] {
  var values: [Float] = []
  voxels.withUnsafeBufferPointer { voxels in
    classes.withUnsafeBufferPointer { classes in
      for index in 0..<voxels.count where classes[index] > 0 { values.append(voxels[index]) }
    }
  }
  return values
}

/// What the foreground of a case gives to the exact statistics of the data set.
private struct IntensityMoments: Codable {
  let mean, meanSquare: Double
  let minimum, maximum: Float

  init(of values: [Float]) {
    var (sum, squares, low, high) = (0.0, 0.0, Float.infinity, -Float.infinity)
    values.withUnsafeBufferPointer { values in
      for index in 0..<values.count {
        let value = Double(values[index])
        sum += value
        squares += value * value
        (low, high) = (min(low, values[index]), max(high, values[index]))
      }
    }
    (mean, meanSquare, minimum, maximum) = (sum / Double(values.count), squares / Double(values.count), low, high)
  }
}

extension DatasetFingerprint {
  fileprivate init(
    _ measures: [CaseMeasure], _ histograms: [IntensityHistogram], _ dataset: Dataset
  ) throws(PreparationError) {
    let withForeground = measures.filter { !$0.moments.isEmpty }
    guard !withForeground.isEmpty else {
      throw PreparationError(
        "No labelled case of \(dataset.folder) has a voxel of any class: check the files in labelsTr.")
    }
    self.init(
      spacings: measures.map(\.spacing), shapes: measures.map(\.shape),
      relativeSize: median(measures.compactMap(\.relativeSize)),
      intensities: histograms.enumerated().map { channel, histogram in
        IntensityProperties(withForeground.map { $0.moments[channel] }, histogram)
      })
  }
}

extension IntensityProperties {
  /// Every case weighs the same, whatever its foreground.
  fileprivate init(_ cases: [IntensityMoments], _ histogram: IntensityHistogram) {
    let count = Double(cases.count), mean = cases.reduce(0) { $0 + $1.mean } / count
    let variance = cases.reduce(0) { $0 + $1.meanSquare } / count - mean * mean
    self.init(
      mean: mean, median: histogram.quantile(0.5), standardDeviation: max(0, variance).squareRoot(),
      minimum: Double(cases.map(\.minimum).min()!), maximum: Double(cases.map(\.maximum).max()!),
      percentile0_5: histogram.quantile(0.005), percentile99_5: histogram.quantile(0.995))
  }
}
