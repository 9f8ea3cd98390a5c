// Whose the cases of a manifest are, without their files: for tables of scores, where images need not be at hand.

import Files
import Foundation

/// The origins of the cases that a manifest.csv lists, by their names.
/// - Parameter path: the file, or the folder of the data set.
/// Errors: it cannot be read, has no column id, or names a case twice.
public func caseOrigins(manifest path: String) throws(VolumeError) -> [String: CaseOrigin] {
  var isFolder: ObjCBool = false
  let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
  let file = isThere && isFolder.boolValue ? "\(path)/\(Manifest.fileName)" : path
  let bytes: [UInt8]
  do throws(FileError) { bytes = try readAll(file, atMost: 1 << 30) } catch { throw VolumeError(error.description) }
  let table = try DelimitedTable(String(decoding: bytes, as: UTF8.self), path: file)
  guard table.columns.contains("id") else {
    throw VolumeError("\(file) has no column id: its first line must name at least id, with vendor or phase.")
  }
  var origins: [String: CaseOrigin] = [:]
  for row in table.rows {
    let values = Dictionary(uniqueKeysWithValues: zip(table.columns, row.values)).filter { !$0.value.isEmpty }
    let name = (values["id"] ?? "").precomposedStringWithCanonicalMapping
    let origin = CaseOrigin(patient: values["patient"] ?? name, vendor: values["vendor"], phase: values["phase"])
    guard origins.updateValue(origin, forKey: name) == nil else {
      throw VolumeError("\(file), line \(row.line): the id \(name) is in a line above already: each row needs its own.")
    }
  }
  return origins
}
