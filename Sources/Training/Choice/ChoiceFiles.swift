// What `cohort choose` writes and prints: a table of the chosen volumes, one of all volumes, and a contact sheet.

import Files
import Foundation
import Reports
import Volumes

extension VolumeChoice {
  private static let tables = (chosen: "choice.csv", all: "volumes.csv")
  private static let picture = "choice.png"
  private static let headers = (
    chosen: "number,case,stands_for,mean_similarity,files", all: "case,represented_by,similarity"
  )

  /// Refuses, before anything is compared, files in the way that no choice wrote.
  public static func check(output folder: String) throws {
    try checkOutputs([tables.chosen, tables.all, picture].map { join(folder, $0) }, reading: []) { path in
      if path.hasSuffix(".png") { return isOwnPicture(path) }
      let first = (try? readText(path, atMost: 1 << 30))?.prefix { $0 != "\n" }
      return first == Substring(path.hasSuffix(tables.all) ? headers.all : headers.chosen)
    }
  }

  /// Writes the tables and the contact sheet.
  /// - Returns: their paths.
  public func write(to folder: String, from source: ChoiceSource) throws -> [String] {
    do { try makeFolder(folder) } catch { throw TrainingError("\(error)", exitCode: 79) }
    let lines = chosen.enumerated().map { number, item in
      let fields = [item.volume.identifier, "\(item.standsFor)", item.similarity?.formatted(decimals: 4) ?? ""]
      return ([String(number + 1)] + (fields + [item.volume.files.joined(separator: ";")]).map(\.quotedField)).joined(
        separator: ",")
    }
    let all = represented.map { item in
      [item.volume.identifier, chosen[item.by].volume.identifier].map(\.quotedField).joined(separator: ",")
        + ",\(item.similarity.formatted(decimals: 4))"
    }
    let paths = [Self.tables.chosen, Self.tables.all, Self.picture].map { join(folder, $0) }
    for (path, rows) in [(paths[0], [Self.headers.chosen] + lines), (paths[1], [Self.headers.all] + all)] {
      do { try writeDurably(Array((rows.joined(separator: "\n") + "\n").utf8), to: path) } catch {
        throw TrainingError("\(error)", exitCode: 79)
      }
    }
    try writeContactSheet(try chosen.enumerated().map { try contact($1, number: $0 + 1, source) }, to: paths[2])
    return paths
  }

  private func contact(_ item: Chosen, number: Int, _ source: ChoiceSource) throws -> ContactVolume {
    let image = try source.image(item.volume)
    let channel = stride(from: 0, to: image.values.count, by: image.channels).map { image.values[$0] }
    return ContactVolume(
      extent: image.extent, spacing: image.spacing, image: channel,
      lines: ["\(number): \(item.volume.identifier)", "stands for \(item.standsFor)", similarityText(item)])
  }

  private func similarityText(_ item: Chosen) -> String {
    item.similarity.map { "similarity \($0.formatted(decimals: 2))" } ?? "like no other"
  }

  /// A line for each chosen volume with the reason.
  public var text: String {
    let compared = represented.count
    return chosen.enumerated().map { number, item in
      let reason = "stands for \(item.standsFor) of \(compared) volumes"
      let likeness = item.similarity.map { ", mean similarity \($0.formatted(decimals: 3))" } ?? ", like no other"
      return "\(number + 1)  \(item.volume.identifier)  \(reason)\(likeness)"
    }.joined(separator: "\n")
  }
}
