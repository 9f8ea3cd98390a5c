// The labels of dataset.json. A value is a class (1), or a region of several labels ([1, 2, 3]); `ignore` stands for voxels of which nothing is known.
// The files of the Medical Segmentation Decathlon have it the other way round ({"0": "background"}).

import Foundation

extension LabelMeaning {
  /// - Parameters:
  ///   - content: of dataset.json, which is the text `json` of the file `path`.
  /// Errors: no labels, values that are not 0, 1, 2, ... without gaps, regions whose order is missing or cannot be.
  init(_ content: [String: Any], json: [UInt8], path: String) throws(VolumeError) {
    guard let table = content["labels"] as? [String: Any], table.count >= 2 else {
      throw VolumeError("\(path) has no labels: add for instance \"labels\": {\"background\": 0, \"liver\": 1}.")
    }
    var entries: [LabelRegion] = []
    for key in orderedKeys(ofObject: "labels", in: json) {
      entries.append(try entry(key, table[key] as Any, path))
    }
    let ignored = entries.first { $0.name == Self.ignoredName }
    entries.removeAll { $0.name == Self.ignoredName }
    let areRegions = entries.contains { $0.labels.count > 1 }, values = Set(entries.flatMap(\.labels))
    guard values == Set(0..<values.count), (2...256).contains(values.count) else {
      let found = values.sorted().map(String.init)
      let text = found.prefix(20).joined(separator: ", ") + (found.count > 20 ? " and \(found.count - 20) more" : "")
      throw VolumeError(
        "\(path) has the label values \(text): they must be 0 (background), 1, 2, ... without gaps, 255 at most.")
    }
    if let ignored, ignored.labels != [values.count] || values.count == 256 {
      throw VolumeError(
        "\(path) gives the label ignore the value \(ignored.labels.map(String.init).joined(separator: ", ")): it must be one number, the one after the last class, \(values.count), and 255 at most."
      )
    }
    let isIgnoring = ignored != nil
    if areRegions {
      self = try Self.regions(entries.filter { $0.labels != [0] }, content["regions_class_order"], values.count, path)
      hasIgnored = isIgnoring
    } else {
      self.init(classNames: try Self.names(entries, path), hasIgnored: isIgnoring)
    }
  }

  private static let ignoredName = "ignore"

  private static func names(_ entries: [LabelRegion], _ path: String) throws(VolumeError) -> [String] {
    var names: [Int: String] = [:]
    for entry in entries {
      let value = entry.labels[0]
      if let other = names.updateValue(entry.name, forKey: value) {
        throw VolumeError(
          "\(path) gives the labels '\(other)' and '\(entry.name)' the same value \(value): give each its own.")
      }
    }
    return (0..<names.count).map { names[$0]! }
  }

  /// Each region paints the label at its place in the order; a label is named by the last region that paints it.
  private static func regions(
    _ regions: [LabelRegion], _ order: Any?, _ count: Int, _ path: String
  ) throws(VolumeError) -> LabelMeaning {
    guard let order = order as? [Int], order.count == regions.count else {
      throw VolumeError(
        "\(path) has \(regions.count) regions among its labels and no regions_class_order of as many labels: add it, a label for each region in their order, which a prediction paints one over the other."
      )
    }
    var names = ["background"] + (1..<count).map { "label \($0)" }, painted: [LabelRegion] = []
    for (region, label) in zip(regions, order) {
      guard region.labels.contains(label), label > 0, !region.labels.contains(0) else {
        throw VolumeError(
          "\(path) has the region '\(region.name)' of the labels \(region.labels.map(String.init).joined(separator: ", ")), for which regions_class_order gives \(label): it must be one of them, and none of them 0."
        )
      }
      names[label] = region.name
      painted.append(LabelRegion(name: region.name, labels: [label] + region.labels.filter { $0 != label }))
    }
    return LabelMeaning(classNames: names, regions: painted)
  }
}

/// A name and its labels, whichever of the two is the key.
private func entry(_ key: String, _ value: Any, _ path: String) throws(VolumeError) -> LabelRegion {
  if let label = value as? Int { return LabelRegion(name: key, labels: [label]) }
  if let name = value as? String, let label = Int(key) { return LabelRegion(name: name, labels: [label]) }
  guard let labels = value as? [Int], !labels.isEmpty else {
    throw VolumeError(
      "\(path) gives label '\(key)' neither a whole number nor a list of them: give each class one, and each region a list.")
  }
  return LabelRegion(name: key, labels: Set(labels).sorted())
}

/// The keys of an object in the outermost object of a JSON text, in their order, which Foundation's reader forgets.
/// - Parameter json: valid JSON.
private func orderedKeys(ofObject name: String, in json: [UInt8]) -> [String] {
  let quote = UInt8(ascii: "\""), blanks = Set(" \t\r\n".utf8)
  var keys: [String] = [], object = "", depth = 0, place = 0
  while place < json.count {
    switch json[place] {
    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
    case quote:
      let start = place
      repeat { place += json[place] == UInt8(ascii: "\\") ? 2 : 1 } while json[place] != quote
      let after = json[(place + 1)...].first { !blanks.contains($0) }
      guard depth <= 2, after == UInt8(ascii: ":") else { break }
      let bytes = Data(json[start...place])
      let key = (try? JSONSerialization.jsonObject(with: bytes, options: .fragmentsAllowed)) as? String ?? ""
      if depth == 1 { object = key } else if object == name { keys.append(key) }
    default: break
    }
    place += 1
  }
  return keys
}
