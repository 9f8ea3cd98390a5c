// Saving under strace, and replaying what it recorded up to every call: `Tests/checks/power-cut.sh`.

import Cluster
import Foundation
import MPI

let powerCutScenarios = [
  Scenario(name: "power-cut-save", run: save),
  Scenario(name: "power-cut-replay", run: replay),
]

private let count = 3000
/// Steps in the order in which they are saved: with a replacement, and more than are kept.
private let steps = [1, 2, 3, 3, 4, 5]

/// power-cut-save FOLDER BACKEND: saves into FOLDER/run; a hard link of each file stays in FOLDER/copies/NUMBER, and a file FOLDER/run/saved is
/// renamed after each save.
private func save(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let folder = arguments[0], files = FileManager.default
  let store = CheckpointStore(folder: folder + "/run/checkpoints", keep: 2, backend: CheckpointBackend(rawValue: arguments[1])!)
  for (number, step) in steps.enumerated() {
    let record = try store.save(madeUpState(step: step, count: count), over: world)
    guard world.rank == 0 else { continue }
    let copy = "\(folder)/copies/\(number)"
    try files.createDirectory(atPath: copy, withIntermediateDirectories: true)
    for name in ["state.h5", "manifest.json"] { try files.linkItem(atPath: "\(record.path)/\(name)", toPath: "\(copy)/\(name)") }
    try Data("\(number)".utf8).write(to: URL(fileURLWithPath: folder + "/run/saved"), options: .atomic)
  }
}

/// power-cut-replay FOLDER TRACE: after each call, whatever of the disk survives, the newest checkpoint that is found is whole and not older than the
/// last one whose save had returned.
private func replay(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let root = arguments[0] + "/run"
  var disk = DiskModel(), unfinished: [Substring: TracedCall] = [:], moments = 0, returned = 0
  for line in try String(contentsOfFile: arguments[1], encoding: .utf8).split(separator: "\n") {
    let process = line.prefix { $0.isNumber }
    var call = line.contains(" resumed>") ? unfinished.removeValue(forKey: process) : TracedCall(line)
    // A call that another process interrupts in the record has its effect when it ends.
    if line.hasSuffix("<unfinished ...>") { (unfinished[process], call) = (call, nil) }
    guard let call else { continue }
    call.act(on: &disk) { $0.hasPrefix(root + "/") }
    if call.name == "rename", call.texts.last == root + "/saved" { returned += 1 }
    for names in [disk.names, disk.durableNames] {
      moments += 1
      try cutPower(names, disk, root: root, returned: returned, moment: "\(call.name) \(call.texts) \(call.descriptor ?? "")")
    }
  }
  try expect(returned == steps.count, "\(returned) of \(steps.count) saves were found in the record")
  print("\(moments) moments of \(returned) saves")
}

/// Builds what is left and loads it.
private func cutPower(_ names: DiskModel.Names, _ disk: DiskModel, root: String, returned: Int, moment: String) throws {
  let left = root + "-left", files = FileManager.default
  try? files.removeItem(atPath: left)
  for (path, file) in names where path.hasPrefix(root + "/checkpoints/") {
    let place = left + path.dropFirst(root.count)
    try files.createDirectory(atPath: (place as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    if disk.durableFiles.contains(file), let copy = copyPath(of: file, disk, root: root) {
      try files.linkItem(atPath: copy, toPath: place)
    } else {
      try Data().write(to: URL(fileURLWithPath: place))
    }
  }
  var found = 0
  do { found = try CheckpointStore(folder: left + "/checkpoints").loadLatest(over: .alone, report: { _ in })?.step ?? 0 } catch {
    try expect(returned == 0, "after \(moment): \(error)")
  }
  try expect(
    found >= (returned == 0 ? 0 : steps[returned - 1]), "after \(moment): step \(found) was found, \(returned) saves had returned"
  )
}

/// Where the bytes of a file of the record are: the manifest or state of the save during which it was made; nil for other files.
private func copyPath(of file: Int, _ disk: DiskModel, root: String) -> String? {
  let birth = disk.births[file], name = (birth as NSString).lastPathComponent
  guard let whole = ["state.h5", "manifest.json"].first(where: { name.hasPrefix($0) }) else { return nil }
  let earlier = disk.births[..<file].filter { ($0 as NSString).lastPathComponent == name }.count
  return "\((root as NSString).deletingLastPathComponent)/copies/\(earlier)/\(whole)"
}
