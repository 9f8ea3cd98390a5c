// Colour maps of the figures on ReLiF-3D's page (visdomlab.github.io/ReLiF_3D).

/// Colours for values 0...1.
enum ColorMap {
  /// Dark violet, green, yellow: even steps look even.
  case viridis
  /// Blue, light grey, red: for values about a middle.
  case coolwarm
  /// Black, red, yellow, white.
  case hot
  /// Blue, cyan, yellow, red.
  case jet

  /// The colour at `value`; values outside 0...1 have those of the ends.
  func color(_ value: Float) -> Color {
    let t = max(0, min(1, value))
    switch self {
    case .viridis: return blend(viridisKnots, t)
    case .coolwarm: return blend(coolwarmKnots, t)
    case .hot: return Color(red: 8 * t / 3, green: (8 * t - 3) / 3, blue: 4 * t - 3)
    case .jet: return Color(red: 1.5 - abs(4 * t - 3), green: 1.5 - abs(4 * t - 2), blue: 1.5 - abs(4 * t - 1))
    }
  }

  /// Linear between knots at equal distances.
  private func blend(_ knots: [Color], _ t: Float) -> Color {
    let place = t * Float(knots.count - 1), low = min(Int(place), knots.count - 2)
    return knots[low].mixed(with: knots[low + 1], part: place - Float(low))
  }
}

private let viridisKnots = [
  Color(68, 1, 84), Color(71, 44, 122), Color(59, 81, 139), Color(44, 113, 142), Color(33, 144, 141), Color(39, 173, 129),
  Color(92, 200, 99), Color(170, 220, 50), Color(253, 231, 37),
]
private let coolwarmKnots = [
  Color(59, 76, 192), Color(98, 130, 234), Color(141, 176, 254), Color(184, 208, 249), Color(221, 221, 221),
  Color(245, 196, 173), Color(244, 154, 123), Color(222, 96, 77), Color(180, 4, 38),
]
