// The folder of a run. Its lease marks it as Cohort's; a folder without that mark is taken only if nothing in it has a name that a run writes, so that
// nobody else's file is ever replaced.

import Files
import Foundation

public enum RunFolder {
  static let leaseName = "lease"

  /// The names of all that a run writes into its folder, or takes from there.
  package static let names = [
    leaseName, "checkpoints", "metrics.jsonl", "metrics.prom", "events.jsonl", "configuration.resolved.yaml", "logs", "flight",
    "trace", "incidents", "embeddings", "prior.safetensors", "sam.safetensors", "pseudo-labels", "confidence.csv",
    "registration.csv", "hostfile", "tensorboard", "progress.png", "validation.json",
    "STOP", "SAVE",
  ]

  /// What taking a folder has made, which a run that is refused removes again.
  public struct Made: Sendable {
    /// The outermost first.
    fileprivate var folders: [String] = []
    fileprivate var leased: String?

    /// Removes these folders where nothing else has come into them, and of the rest what the start itself has written.
    public func undo() {
      if let leased {
        try? FileManager.default.removeItem(atPath: FlightFile.folder(ofRun: leased))
        unlink("\(leased)/\(leaseName)")
      }
      for folder in folders.reversed() { rmdir(folder) }
    }
  }

  /// Makes the folder where it is missing, and marks it.
  /// - Throws: if it is somebody else's and holds what a run would replace.
  public static func take(_ folder: String) throws(ClusterError) -> Made {
    try requireOwn(folder)
    var made = Made()
    do throws(FileError) { made.folders = try makeMissingFolders(folder) } catch {
      throw ClusterError(error.description, exitCode: 79)
    }
    let lease = "\(folder)/\(leaseName)"
    let descriptor = open(lease, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, newFilePermissions)
    if descriptor >= 0 {
      close(descriptor)
      made.leased = folder
    } else if errno != EEXIST {
      throw ClusterError(
        "Cannot make \(lease): \(String(cString: strerror(errno))). Check that the run folder is writable and its disk has space.",
        exitCode: ExitCode.storage.rawValue)
    }
    return made
  }

  private static func requireOwn(_ folder: String) throws(ClusterError) {
    guard !isOwn(folder) else { return }
    let foreign = names.filter { isInTheWay($0, of: folder) }
    guard foreign.isEmpty else {
      throw ClusterError(
        "\(folder) is not the folder of a run and holds \(foreign.joined(separator: ", ")), which a run would replace. "
          + "Choose another folder as output, or move them away.")
    }
  }

  /// Whether a file of this name is somebody else's. An empty STOP or SAVE is a request to the run that is about to begin.
  private static func isInTheWay(_ name: String, of folder: String) -> Bool {
    var facts = stat()
    guard lstat("\(folder)/\(name)", &facts) == 0 else { return false }
    return !(["STOP", "SAVE"].contains(name) && facts.st_mode & S_IFMT == S_IFREG && facts.st_size == 0)
  }

  /// Whether a run made the folder: by its lease, or, where that is missing, by its checkpoints or its configuration.
  private static func isOwn(_ folder: String) -> Bool {
    if let lease = try? readText("\(folder)/\(leaseName)", atMost: 4096) { return RunLease.isLease(lease) }
    if !CheckpointStore(folder: folder + "/checkpoints").list().isEmpty { return true }
    let keys = (try? readText("\(folder)/configuration.resolved.yaml", atMost: 1 << 20))?.split(separator: "\n").map {
      $0.prefix { $0 != ":" }
    }
    return Set(keys ?? []).isSuperset(of: ["output", "steps", "lanes", "seed", "patch"])
  }
}
