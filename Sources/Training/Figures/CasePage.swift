// The cases of a validation as a part of a page: the best, the median and the worst with a slider through their slices, and a table of all.

import Foundation
import Reports

struct CasePage {
  private let table: CaseTable
  /// With more cases than this the table is folded away.
  private static let mostOpen = 12

  init(_ table: CaseTable) { self.table = table }

  static let style = """
    .cases { display: flex; flex-wrap: wrap; gap: 1em } figure.case { margin: 0; flex: 1 1 20em; max-width: 30em }
    .slices { width: 100%; background-repeat: no-repeat; background-position: 0 0; border-radius: 4px }
    .heads { display: grid; grid-template-columns: repeat(3, 1fr); font-size: 0.8em; text-align: center }
    figure.case label { display: flex; gap: 0.7em; align-items: center; font-size: 0.9em } figure.case input { flex: 1; min-height: 2em }
    .legend span { margin-right: 1.2em; white-space: nowrap }
    .legend i { display: inline-block; width: 0.9em; height: 0.9em; border-radius: 2px; margin-right: 0.4em }
    """

  var html: String {
    """
    <p>\(table.isHeldOut ? "Cases that are held out" : "Training cases: none are held out"), after step \(table.step). Axial slices from below to \
    above, the patient's right on the left.</p>
    <p class="legend">\(legend)</p>
    <div class="cases">\(table.pictures.map(figure).joined(separator: "\n"))</div>
    <script>\(Self.script)</script>
    \(table.cases.count > Self.mostOpen ? "<details><summary>Dice of \(table.cases.count) cases</summary>\(scores)</details>" : scores)
    """
  }

  private func figure(_ picture: CasePicture) -> String {
    let rowHeight = picture.stripHeight / max(1, picture.slices), middle = picture.slices / 2
    return """
      <figure class="case"><figcaption><b>\(escaped(picture.role))</b> \(escaped(picture.name)), Dice \(picture.mean.formatted(decimals: 4))</figcaption>
      <div class="heads"><span>image</span><span>reference</span><span>prediction</span></div>
      <div class="slices" role="img" aria-label="Slices of \(escaped(picture.name)): image, reference, prediction"
        style="aspect-ratio: \(picture.stripWidth) / \(rowHeight); background-size: 100% \(100 * picture.slices)%; \
      background-image: url(data:image/png;base64,\(picture.strip.base64EncodedString()))"></div>
      <label>slice <input type="range" min="0" max="\(picture.slices - 1)" value="\(middle)" step="1"><output></output></label></figure>
      """
  }

  /// Shows the slice that the slider stands at: its place in the picture, whose slices lie below each other.
  private static let script = """
    for (const figure of document.querySelectorAll("figure.case")) {
      const slider = figure.querySelector("input"), last = Number(slider.max);
      const show = () => {
        figure.querySelector(".slices").style.backgroundPositionY = (last ? 100 * slider.value / last : 0) + "%";
        figure.querySelector("output").textContent = Number(slider.value) + 1 + " of " + (last + 1);
      };
      slider.addEventListener("input", show);
      show();
    }
    """

  private var legend: String {
    table.classNames.enumerated().dropFirst().prefix(24).map { label, name in
      "<span><i style=\"background: \(classColorCode(label))\"></i>\(escaped(name))</span>"
    }.joined()
  }

  /// A line for each case, the worst first.
  private var scores: String {
    func cell(_ dice: Double?) -> String { "<td>\(dice.map { $0.formatted(decimals: 4) } ?? "")</td>" }
    let heads = ["<th class=\"name\">case</th>"] + (table.structures + ["mean"]).map { "<th>\(escaped($0))</th>" }
    let rows = table.cases.sorted { ($0.mean ?? 2) < ($1.mean ?? 2) }.map { one in
      "<tr><td class=\"name\">\(escaped(one.name))</td>" + (one.dice + [one.mean]).map(cell).joined() + "</tr>"
    }
    return "<table><tr>\(heads.joined())</tr>\n\(rows.joined(separator: "\n"))</table>"
  }
}
