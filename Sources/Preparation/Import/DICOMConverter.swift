// dcm2niix as a program of its own: one series to one file, or a sentence that says why not. What it says in words is taken from version 1.0.2022.

import Files
import Foundation
import Volumes

/// The converter that is installed.
struct DICOMConverter {
  private let program: String

  /// Error: none is on the PATH.
  init() throws(PreparationError) {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let places = folders.map { String($0) + "/dcm2niix" }
    guard let found = places.first(where: { access($0, X_OK) == 0 }) else {
      throw PreparationError(
        "DICOM files are read by dcm2niix, which is not installed: `apt install dcm2niix` (Debian, Ubuntu), then start again.")
    }
    program = found
  }

  /// Converts the series in `folder` to files in `output`, a new folder.
  /// - Returns: the file, its modality (CT, MR, ...) and what was odd.
  /// Errors: no series or several; slices at unequal distances; what the converter refuses.
  func convert(_ folder: String, to output: String) throws(PreparationError) -> (file: String, modality: String, note: String?) {
    do throws(FileError) { try makeFolder(output) } catch { throw PreparationError(error.description) }
    let (code, text) = try run(["-b", "y", "-z", "y", "-f", "%s", "-o", output, folder])
    let lines = text.split(separator: "\n").map(String.init)
    if lines.contains(where: { $0.contains("nterslice distance varies") }) {
      throw PreparationError(
        "\(folder) has slices at unequal distances, so some are missing or belong to another series: copy the series again, or remove the case."
      )
    }
    let files = try readingVolumes { () throws(VolumeError) in try ImageFolder(output).images }
    guard files.count < 2 else {
      throw PreparationError(
        "\(folder) holds \(files.count) series (numbers \(files.map(\.stem).joined(separator: ", "))): leave one of them in the folder, or give each a folder of its own."
      )
    }
    guard let file = files.first else {
      let reason = lines.last { $0.contains("rror") } ?? "exit code \(code)"
      throw PreparationError(
        "\(folder) holds no series that dcm2niix converts (\(reason)): put the DICOM files of the case into it, or remove it.")
    }
    let missing = lines.first { $0.contains("Missing images") }.map { "\(folder): \($0)" }
    return (file.path, modality(beside: file), missing)
  }

  /// Exit code and words.
  private func run(_ arguments: [String]) throws(PreparationError) -> (Int32, String) {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    (process.standardOutput, process.standardError) = (pipe, pipe)
    do { try process.run() } catch {
      throw PreparationError("\(program) cannot be started (\(error.localizedDescription)): install dcm2niix again.")
    }
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  /// What dcm2niix writes beside the image about the scanner.
  private func modality(beside file: ImageFile) -> String {
    let description = parentFolder(of: file.path) + "/\(file.stem).json"
    let content = try? JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: description)))
    return (content as? [String: Any])?["Modality"] as? String ?? "unknown"
  }
}
