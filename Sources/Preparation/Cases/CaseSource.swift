// What is known of a case before it is made: its headers, and a hash of its files. Neither stops at a bad file: what is wrong with it is a result.

import Foundation
import Volumes

/// The headers of a case's files.
struct CaseHeaders: Codable {
  /// The grid of the first channel.
  private(set) var grid: FileGrid?
  /// Why the case cannot be prepared; nil if its headers are in order.
  private(set) var problem: String?

  init(of item: DatasetCase, isStrict: Bool) {
    do throws(PreparationError) {
      grid = try checkHeaders(images: item.images, label: labelPath(item), isStrict: isStrict)
    } catch { problem = error.description }
  }
}

/// A case that may be made.
struct CaseSource: Codable {
  let item: DatasetCase
  /// Changes when the content of any file of the case does; empty where they cannot be read.
  private(set) var hash = ""
  private(set) var problem: String?

  /// - Parameter problem: what is already known to be wrong with the case.
  init(_ item: DatasetCase, problem: String?) throws {
    (self.item, self.problem) = (item, problem)
    guard problem == nil else { return }
    do throws(VolumeError) {
      var hashes: [String] = []
      for path in files(item) { hashes.append(try fileHash(path)) }
      hash = hashes.joined(separator: "+")
    } catch { self.problem = error.description }
  }
}

/// A case that is to be made as the pack of a number.
struct CaseOrder: Codable {
  let item: DatasetCase
  let sourceHash: String
  let number: Int
}

/// What came of an order: an entry, or why there is none.
struct MadeCase: Codable {
  let entry: PackEntry?
  let problem: String?
  let warnings: [DataWarning]

  /// For a line of progress.
  var summary: String { entry.map { "\($0.extent) voxels" } ?? "left out: \(problem ?? "")" }
}

/// The bytes of files on the disk, as a measure of the work they make; those that cannot be looked at count nothing.
package func bytesOnDisk(_ paths: [String]) -> Int {
  paths.reduce(0) { sum, path in
    var facts = stat()
    return stat(path, &facts) == 0 ? sum + Int(facts.st_size) : sum
  }
}
