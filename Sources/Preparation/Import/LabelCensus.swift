// Which values the labels of a data set hold, and what becomes of them. Labels of unlabelled cases are not looked at.

import Volumes

/// The values of the labels of a data set.
struct LabelCensus {
  /// Voxels of all label maps by value.
  private(set) var counts = [Int](repeating: 0, count: 256)
  private(set) var labelMaps = 0
  /// For each value what it becomes.
  private(set) var values = (0...255).map { UInt8($0) }
  private(set) var meaning: LabelMeaning
  /// The spacing of each case, in their order.
  private(set) var spacings: [Spacing] = []
  private var holders: [UInt8: String] = [:]
  private var problems: [String] = []

  /// Reads the headers of all images and all labels. Errors: files that cannot be read, channels or labels of another shape than the first channel,
  /// values that are not the data set's; all of the first kinds at once.
  init(_ found: FoundDataset) throws(PreparationError) {
    meaning = found.labels ?? LabelMeaning(classNames: ["background"])
    for item in found.cases {
      do throws(PreparationError) { try read(item) } catch { problems.append(error.description) }
    }
    guard problems.isEmpty else { throw PreparationError(asLines(problems, heading: "\(problems.count) cases have faults:")) }
    switch found.values {
    case .declared: try refuse { $0 > meaning.greatest }
    case .known(let table):
      try refuse { $0 > 0 && table[UInt8($0)] == nil }
      for (value, other) in table { values[Int(value)] = other }
    case .numbered: try number(named: found.labels != nil)
    }
  }

  /// Whether the values of a label map stay as they are.
  func keeps(_ label: LabelVolume) -> Bool { label.labels.allSatisfy { values[Int($0)] == $0 } }

  /// The values that occur and change, with what they become.
  var changes: [(from: Int, to: Int)] {
    (0..<256).filter { counts[$0] > 0 && values[$0] != $0 }.map { ($0, Int(values[$0])) }
  }

  private mutating func read(_ item: FoundCase) throws(PreparationError) {
    let grids = try item.images.map { (image) throws(PreparationError) in (path: image.path, grid: try image.grid()) }
    for (path, grid) in grids where grid.extent != grids[0].grid.extent {
      throw PreparationError(
        "\(path) has \(grid.extent) voxels and \(grids[0].path) has \(grids[0].grid.extent): they are no channels of one case, so mend or remove it."
      )
    }
    spacings.append(grids[0].grid.spacing)
    guard let label = item.label else { return }
    let map = try label.labels()
    guard map.extent == grids[0].grid.extent else {
      throw PreparationError(
        "\(label.path) has a label of \(map.extent) voxels and its image has \(grids[0].grid.extent): they do not belong together, so mend or remove the case."
      )
    }
    labelMaps += 1
    var found = [Int](repeating: 0, count: 256)
    for value in map.labels { found[Int(value)] += 1 }
    for value in 0..<256 where found[value] > 0 {
      counts[value] += found[value]
      if holders[UInt8(value)] == nil { holders[UInt8(value)] = label.path }
    }
  }

  private func refuse(_ isUnknown: (Int) -> Bool) throws(PreparationError) {
    guard let value = (0..<256).first(where: { counts[$0] > 0 && isUnknown($0) }) else { return }
    throw PreparationError(
      "\(holders[UInt8(value)]!) holds the label \(value), which is none of this data set's (\(meaning.classNames.joined(separator: ", "))): correct the file, or import it by `cohort import folder`."
    )
  }

  private mutating func number(named: Bool) throws(PreparationError) {
    let present = (1..<256).filter { counts[$0] > 0 }
    // Where nothing is labelled yet, a class stands for what will be: dataset.json needs one.
    if !named { meaning = LabelMeaning(classNames: ["background"] + (present.isEmpty ? [1] : present).map { "label \($0)" }) }
    let classes = meaning.classNames.count - 1
    guard let greatest = present.last, greatest > classes else { return }
    guard present.count == classes else {
      throw PreparationError(
        "The labels hold the values \(present.map(String.init).joined(separator: ", ")) and --classes names \(classes): name one class for each value, in their order."
      )
    }
    for (index, value) in present.enumerated() { values[value] = UInt8(index + 1) }
  }
}
