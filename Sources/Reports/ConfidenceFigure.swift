// The rounds of SFR+ (Li et al., arXiv:2403.11229, section III.D): how sure the student is of the volumes, which of them teach SAM, and how
// far both agree.
// Places are pixels from the upper left corner.

import Foundation

public struct ConfidenceFigure: Sendable {
  public struct Volume: Sendable {
    public var identifier: String
    /// 0...1.
    public var confidence: Double
    /// Dice of SAM's and the student's labels, 0...1.
    public var agreement: Double
    /// Whether it teaches SAM.
    public var isConfident: Bool

    public init(identifier: String, confidence: Double, agreement: Double, isConfident: Bool) {
      (self.identifier, self.confidence) = (identifier, confidence)
      (self.agreement, self.isConfident) = (agreement, isConfident)
    }
  }
  public struct Round: Sendable {
    public var number: Int
    /// The confidence from which on volumes teach SAM; nil where none was to.
    public var threshold: Double?
    public var volumes: [Volume]

    public init(number: Int, threshold: Double?, volumes: [Volume]) {
      (self.number, self.threshold, self.volumes) = (number, threshold, volumes)
    }
  }
  public var rounds: [Round]

  public init(rounds: [Round]) { self.rounds = rounds }

  static let confident = "#0072b2", uncertain = "#e69f00"
  private static let panel = (width: 340.0, height: 250.0), panelsInRow = 3
  private static let bins = 20

  /// The whole picture: a histogram for each round, the sides of all volumes, the agreement.
  public var svg: String {
    let histograms = Double((rounds.count + Self.panelsInRow - 1) / Self.panelsInRow) * Self.panel.height
    let grid = PartitionGrid(rounds), agreement = 400.0
    var drawing = SVGDrawing(
      width: max(grid.width, Double(Self.panelsInRow) * Self.panel.width + 120), height: histograms + grid.height + agreement)
    drawHistograms(in: &drawing)
    grid.draw(below: histograms, in: &drawing)
    drawAgreement(below: histograms + grid.height, in: &drawing)
    return drawing.svg
  }

  // MARK: Histograms

  private func drawHistograms(in drawing: inout SVGDrawing) {
    let axis = ChartAxis(
      "confidence", .linear, values: rounds.flatMap { $0.volumes.map(\.confidence) + ($0.threshold.map { [$0] } ?? []) })
    let counts = rounds.map { ConfidenceHistogram($0, axis, bins: Self.bins) }
    let highest = ChartAxis("volumes", .linear, values: [5, Double(counts.map(\.highest).max() ?? 0)], fromZero: true)
    for (place, (round, histogram)) in zip(rounds, counts).enumerated() {
      let left = Double(place % Self.panelsInRow) * Self.panel.width, top = Double(place / Self.panelsInRow) * Self.panel.height
      let frame = ChartFrame(
        x: axis, y: highest, horizontal: left + 70...left + Self.panel.width - 20,
        vertical: top + 36...top + Self.panel.height - 60)
      let limit = round.threshold.map { "threshold \(String(format: "%.4g", $0))" } ?? "no volume teaches"
      frame.draw(title: "round \(round.number): \(limit)", in: &drawing)
      frame.xTicks(in: &drawing)
      draw(histogram, frame, in: &drawing)
      if let threshold = round.threshold {
        drawing.line((frame.x(threshold), frame.top), (frame.x(threshold), frame.bottom), "#d55e00", width: 2, dashes: "6 3")
      }
      if place == min(rounds.count, Self.panelsInRow) - 1 {
        frame.legend([("confident", Self.confident, false), ("uncertain", Self.uncertain, false)], in: &drawing)
      }
    }
  }

  private func draw(_ histogram: ConfidenceHistogram, _ frame: ChartFrame, in drawing: inout SVGDrawing) {
    let width = (frame.right - frame.left) / Double(Self.bins)
    for bin in 0..<Self.bins {
      let confident = Double(histogram.confident[bin]), all = confident + Double(histogram.uncertain[bin])
      for (low, high, color, name) in [
        (0, confident, Self.confident, "confident"), (confident, all, Self.uncertain, "uncertain"),
      ] where high > low {
        drawing.rectangle(
          x: frame.left + width * Double(bin) + 1, y: frame.y(high), width: width - 2, height: frame.y(low) - frame.y(high),
          color,
          tip: "\(Int(high - low)) \(name)")
      }
    }
  }

  // MARK: Agreement

  private func drawAgreement(below top: Double, in drawing: inout SVGDrawing) {
    let points = rounds.map { round in
      let values = round.volumes.map(\.agreement)
      return ChartPoint(
        x: Double(round.number), y: values.reduce(0, +) / Double(max(1, values.count)),
        interval: (values.min() ?? 0)...(values.max() ?? 0))
    }
    let chart = Chart(
      title: "agreement of SAM and student", x: ChartAxis("round", .linear, values: [0, max(5, points.last?.x ?? 0)]),
      y: ChartAxis("Dice", .linear, values: [0, 1]),
      series: [ChartSeries(name: "mean, and all volumes' range", color: "#009e73", style: .points, points: points)])
    chart.draw(ChartFrame(x: chart.x, y: chart.y, vertical: top + 36...top + 340), in: &drawing)
  }
}

/// How many volumes of a round have a confidence in each of equal parts of an axis.
struct ConfidenceHistogram {
  private(set) var confident, uncertain: [Int]

  init(_ round: ConfidenceFigure.Round, _ axis: ChartAxis, bins: Int) {
    (confident, uncertain) = ([Int](repeating: 0, count: bins), [Int](repeating: 0, count: bins))
    for volume in round.volumes {
      let bin = min(bins - 1, Int(axis.share(volume.confidence) * Double(bins)))
      if volume.isConfident { confident[bin] += 1 } else { uncertain[bin] += 1 }
    }
  }

  var highest: Int { zip(confident, uncertain).map { $0 + $1 }.max() ?? 0 }
}

/// A row for each volume and a column for each round, in the colour of its side.
private struct PartitionGrid {
  private static let row = 15.0, head = 70.0
  private let rounds: [ConfidenceFigure.Round]
  private let identifiers: [String]
  private let column: Double
  private let left: Double

  init(_ rounds: [ConfidenceFigure.Round]) {
    self.rounds = rounds
    var seen: Set<String> = []
    identifiers = rounds.flatMap { $0.volumes.map(\.identifier) }.filter { seen.insert($0).inserted }
    column = min(40, max(6, 800 / Double(max(1, rounds.count))))
    left = 20 + 7 * Double(min(40, identifiers.map(\.count).max() ?? 0)) + 10
  }

  var width: Double { left + column * Double(rounds.count) + 20 }
  var height: Double { Self.head + Self.row * Double(identifiers.count) + 30 }

  func draw(below top: Double, in drawing: inout SVGDrawing) {
    drawing.text("which volumes teach SAM", (20, top + 24), size: 15, bold: true)
    drawing.text("round", (left - 10, top + Self.head - 8), .end)
    let stride = max(1, Int((26 / column).rounded(.up)))
    let places = Dictionary(uniqueKeysWithValues: zip(identifiers, identifiers.indices))
    for identifier in identifiers {
      drawing.text(shortened(identifier), (left - 10, top + Self.head + Self.row * Double(places[identifier]!) + 11), .end)
    }
    for (number, round) in rounds.enumerated() {
      let x = left + column * Double(number)
      if number % stride == 0 { drawing.text("\(round.number)", (x + column / 2, top + Self.head - 8), .middle) }
      for volume in round.volumes {
        drawing.rectangle(
          x: x, y: top + Self.head + Self.row * Double(places[volume.identifier]!), width: column - 1, height: Self.row - 1,
          volume.isConfident ? ConfidenceFigure.confident : ConfidenceFigure.uncertain,
          tip: "\(volume.identifier), round \(round.number): confidence \(String(format: "%.4f", volume.confidence))")
      }
    }
  }

  private func shortened(_ identifier: String) -> String { identifier.count > 40 ? identifier.prefix(39) + "…" : identifier }
}
