// confidence.csv in the run folder of SFR+: a line for each round and volume, and its lines as rounds again.

import Files
import Foundation

/// What confidence.csv says of a round.
package struct ConfidenceRound: Equatable {
  /// From 1.
  package var number: Int
  /// The confidence from which on volumes teach SAM; nil where no volume was to.
  package var threshold: Double?
  package var volumes: [VolumeConfidence]
}

package enum ConfidenceFile {
  package static let name = "confidence.csv"
  private static let header = "round,case,confidence,threshold,foreground,agreement,side"
  private static let confident = "confident", uncertain = "uncertain"

  /// Writes a round behind those before it; a round that is decided again replaces itself and what followed.
  /// - Parameter threshold: infinity where no volume is to teach SAM.
  package static func write(_ decision: RoundDecision, threshold: Double, run: String) throws {
    let path = "\(run)/\(name)", earlier = (try? readText(path, atMost: 1 << 30))?.split(separator: "\n").dropFirst() ?? []
    let kept = earlier.filter { line in Int(line.prefix { $0 != "," }).map { $0 < decision.round } ?? false }.map(String.init)
    let limit = threshold.isFinite ? threshold.formatted(decimals: 6) : ""
    let rows = decision.volumes.map { volume in
      [
        "\(decision.round)", volume.identifier.quotedField, volume.confidence.formatted(decimals: 6), limit,
        volume.foreground.formatted(decimals: 6), volume.agreement.formatted(decimals: 6),
        volume.isConfident ? confident : uncertain,
      ].joined(separator: ",")
    }
    try writeDurably(Array((([header] + kept + rows).joined(separator: "\n") + "\n").utf8), to: path)
  }

  /// Reads the rounds of a run.
  ///
  /// Errors: a run without such a file, which is any but one of SFR+; a line that is not whole.
  package static func read(run: String) throws(TrainingError) -> [ConfidenceRound] {
    let path = "\(run)/\(name)", text: String
    guard FileManager.default.fileExists(atPath: path) else {
      throw TrainingError("there is no \(path): name the folder of a run with work: sfr-plus that has had a round.")
    }
    do { text = try readText(path, atMost: 1 << 30) } catch { throw TrainingError(error.description) }
    var rounds: [ConfidenceRound] = [], lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    guard lines.first == header[...] else {
      throw TrainingError("\(path) does not begin with \(header): name the folder of a run that this version made.")
    }
    for (number, line) in lines.enumerated().dropFirst() {
      guard let (round, threshold, volume) = parsed(line) else {
        throw TrainingError("line \(number + 1) of \(path) is not whole: start the run again, which writes the file anew.")
      }
      if rounds.last?.number == round {
        rounds[rounds.count - 1].volumes.append(volume)
      } else {
        rounds.append(ConfidenceRound(number: round, threshold: threshold, volumes: [volume]))
      }
    }
    guard !rounds.isEmpty else { throw TrainingError("\(path) holds no round: let the run go on until SAM has had a turn.") }
    return rounds
  }

  private static func parsed(_ line: Substring) -> (round: Int, threshold: Double?, VolumeConfidence)? {
    let fields = fields(of: line)
    guard fields.count == 7, let round = Int(fields[0]), [confident, uncertain].contains(fields[6]) else { return nil }
    let numbers = [2, 4, 5].compactMap { Double(fields[$0]) }, threshold = Double(fields[3])
    guard numbers.count == 3, numbers.allSatisfy(\.isFinite), fields[3].isEmpty || threshold?.isFinite == true else { return nil }
    return (
      round, threshold,
      VolumeConfidence(
        fields[1], confidence: numbers[0], foreground: numbers[1], agreement: numbers[2], isConfident: fields[6] == confident)
    )
  }

  /// The fields of a line, of which some may stand in quotation marks.
  private static func fields(of line: Substring) -> [String] {
    var fields = [""], isQuoted = false, previous: Character?
    for character in line {
      switch character {
      case "\"":
        // The second of two within quotation marks is one of the field's own.
        if !isQuoted, previous == "\"" { fields[fields.count - 1].append("\"") }
        isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
      previous = character
    }
    return fields
  }
}
