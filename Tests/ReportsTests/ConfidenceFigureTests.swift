// The picture of the rounds of SFR+: well-formed, every volume in its colour and at its confidence.

import Foundation
import Reports
import Testing

@Suite struct ConfidenceFigureTests {
  private func round(_ number: Int, threshold: Double?, _ confidences: [Double]) -> ConfidenceFigure.Round {
    ConfidenceFigure.Round(
      number: number, threshold: threshold,
      volumes: confidences.enumerated().map { place, confidence in
        ConfidenceFigure.Volume(
          identifier: "case <\(place)>", confidence: confidence, agreement: confidence / 2,
          isConfident: threshold.map { confidence >= $0 } ?? false)
      })
  }

  private func count(_ text: String, _ part: String) -> Int { text.components(separatedBy: part).count - 1 }

  @Test func everyVolumeHasACellInTheColourOfItsSide() {
    let rounds = [round(1, threshold: 0.5, [0.1, 0.5, 0.9]), round(2, threshold: nil, [0.2, 0.3, 0.4])]
    let svg = ConfidenceFigure(rounds: rounds).svg
    #expect(XMLDocumentCheck(svg).isSound)
    #expect(count(svg, "<title>case &lt;") == 6, "a cell for each volume and round")
    let cells = svg.split(separator: "\n").filter { $0.contains("<title>case") }
    #expect(cells.filter { $0.contains("#0072b2") }.count == 2 && cells.filter { $0.contains("#e69f00") }.count == 4)
    // Bars of six different confidences, each of one volume.
    #expect(count(svg, "<title>1 confident<") == 2 && count(svg, "<title>1 uncertain<") == 4)
    #expect(svg.contains("round 1: threshold 0.5") && svg.contains("round 2: no volume teaches"))
    #expect(count(svg, "stroke=\"#d55e00\"") == 1, "one threshold")
    // The axis goes from 0 to 1 between 70 and 320 pixels: 0.5 lies in the middle of them, and so does the bar from 0.5 on.
    #expect(svg.contains("<line x1=\"195\"") && svg.contains("<rect x=\"196\""))
  }

  @Test(arguments: [1, 4, 300]) func anyNumberOfRoundsIsDrawn(rounds: Int) {
    let svg = ConfidenceFigure(rounds: (1...rounds).map { round($0, threshold: 0.9, [0.97, 0.97]) }).svg
    #expect(XMLDocumentCheck(svg).isSound && count(svg, "<title>case") == 2 * rounds && !svg.contains("nan"))
    #expect(count(svg, "<title>2 confident<") == rounds)
  }
}
