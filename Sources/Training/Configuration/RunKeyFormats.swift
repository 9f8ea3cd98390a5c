// How values of a run file's keys are written that no other module knows: choices of cases, extents, axes.

import Networks
import Preparation
import Settings
import Volumes

extension SettingFormat where Value == String {
  /// Any text.
  static var anyText: Self { Self("a text", read: { $0 }, write: { $0 }) }
}

extension SettingFormat where Value == LabelledChoice {
  /// A number or a list of cases.
  static var labelledChoice: Self {
    Self(
      "a whole number from 0 to 1000000, or a list of cases, for example [p01, p02]",
      read: { text in
        if let count = Int(text) { return !(0...1_000_000).contains(count) ? nil : count == 0 ? .all : .first(count) }
        let names = SettingFormat<[String]>.texts.read(text) ?? []
        return text.hasPrefix("[") && !names.isEmpty ? .named(names) : nil
      },
      write: { choice in
        switch choice {
        case .named(let names): SettingFormat<[String]>.texts.write(names)
        case .first(let count): String(count)
        case .all, .drawn: "0"
        }
      })
  }
}

extension SettingFormat where Value == Extent {
  /// [D, H, W].
  static var extent: Self {
    SettingFormat<[Int]>.integers(count: 3, upTo: longestPatchSide).mapped(
      { Extent($0[0], $0[1], $0[2]) }, back: { [$0.depth, $0.height, $0.width] })
  }
}

extension SettingFormat where Value == FlipAxes {
  /// A list of D, H and W.
  static var flipAxes: Self {
    SettingFormat<[String]>.texts.mapped(
      allowed: "a list of the axes D, H and W, for example [D, H]", { FlipAxes(names: $0) },
      back: { axes in FlipAxes.named.filter { axes.contains($0.axis) }.map(\.name) })
  }
}

extension SettingFormat where Value == AugmentationFamilies {
  /// A list of families.
  static var augmentationFamilies: Self {
    let known = AugmentationFamilies.named
    return SettingFormat<[String]>.texts.mapped(
      allowed: "a list of \(known.map(\.name).joined(separator: ", "))",
      { names in
        let found = known.filter { names.contains($0.name) }
        return Set(names).count == found.count ? found.reduce([]) { $0.union($1.family) } : nil
      },
      back: { families in known.filter { families.contains($0.family) }.map(\.name) })
  }
}
