// The doctor's look at prepared data: every rank sees the same index, and cases drawn at random are whole.

import Cluster
import Files
import Volumes

/// What a rank found in a folder of packs.
private struct DataFacts: Codable, Sendable {
  /// CRC-32 of the index file, hexadecimal.
  var index = ""
  var cases = 0
  var read: [String] = []
  var error: String?

  init(_ folder: String) {
    do {
      index = hexadecimal(checksum(of: try readAll("\(folder)/\(PackIndex.fileName)")))
      let reader = try PackReader(folder: folder)
      cases = reader.index.entries.count
      for entry in reader.index.entries.shuffled().prefix(3) {
        _ = try reader.read(entry.identifier)
        read.append(entry.identifier)
      }
    } catch { self.error = "\(error)" }
  }
}

/// A check of the packs in `folder`: the same index on all ranks, and three random cases of each that are read and verified.
public func dataCheck(_ folder: String) -> DoctorCheck {
  DoctorCheck("data", touchesFiles: true, collect: { _ in DataFacts(folder) }) { all in
    if let failed = all.first(where: { $0.facts.error != nil }), let error = failed.facts.error {
      let place = all.count > 1 ? "rank \(failed.rank) on \(failed.host): " : ""
      return [
        .problem("data", place + error, hint: "let all hosts see the folder that `cohort prepare` wrote, under the same path")
      ]
    }
    let hint = "copy the prepared folder again: the hosts have different ones under the same path"
    let index = sameEverywhere("data", all, hint: hint) { "\($0.cases) cases, index \($0.index)" }
    let read = Set(all.flatMap(\.facts.read))
    return [index, .ok("data reads", "\(read.count) random cases read and verified")]
  }
}
