// Colours of classes: far apart from each other and from grey; the same class has the same colour in every picture.

import Foundation

/// The colour of a label 1, 2, ...; after twelve classes the colours come again, paler.
func classColor(_ label: Int) -> Color {
  let base = palette[(label - 1) % palette.count]
  let round = (label - 1) / palette.count % 3
  return round == 0 ? base : base.mixed(with: Color(255, 255, 255), part: 0.3 * Float(round))
}

/// The same colour for CSS: #rrggbb.
public func classColorCode(_ label: Int) -> String {
  let color = classColor(label)
  return String(format: "#%02x%02x%02x", color.red, color.green, color.blue)
}

private let palette = [
  Color(235, 64, 52), Color(66, 170, 245), Color(88, 200, 90), Color(250, 190, 40), Color(180, 90, 220), Color(60, 210, 200),
  Color(245, 120, 180), Color(240, 130, 40), Color(150, 160, 250), Color(180, 210, 60), Color(200, 140, 90), Color(40, 140, 130),
]
