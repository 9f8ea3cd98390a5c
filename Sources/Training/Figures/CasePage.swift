// The cases of a validation as a part of a page: the best, the median and the worst with a slider through their slices, and a table of all.

import Foundation
import Reports

/// What the template `cases` shows.
struct CaseContent {
  struct Entry { let color, name: String }
  struct Picture {
    let role, name, dice, strip: String
    let width, rowHeight, percent, last, middle: Int

    init(_ picture: CasePicture) {
      (role, name, dice) = (picture.role, picture.name, picture.mean.formatted(decimals: 4))
      (strip, width) = (picture.strip.base64EncodedString(), picture.stripWidth)
      (rowHeight, percent) = (picture.stripHeight / max(1, picture.slices), 100 * picture.slices)
      (last, middle) = (picture.slices - 1, picture.slices / 2)
    }
  }

  /// With more cases than this the table is folded away.
  private static let mostOpen = 12

  let which: String
  let step: Int
  let legend: [Entry]
  let pictures: [Picture]
  /// A line for each case, the worst first.
  let scores: PageTable
  let foldedTitle: String?

  init(_ table: CaseTable) {
    which = table.isHeldOut ? "Cases that are held out" : "Training cases: none are held out"
    step = table.step
    legend = table.classNames.enumerated().dropFirst().prefix(24).map { Entry(color: classColorCode($0), name: $1) }
    pictures = table.pictures.map(Picture.init)
    foldedTitle = table.cases.count > Self.mostOpen ? "Dice of \(table.cases.count) cases" : nil
    scores = PageTable(
      heads: [.name("case")] + (table.structures + ["mean"]).map { .init($0) },
      table.cases.sorted { ($0.mean ?? 2) < ($1.mean ?? 2) }.map { one in
        [.name(one.name)] + (one.dice + [one.mean]).map { .init($0?.formatted(decimals: 4) ?? "") }
      })
  }
}
