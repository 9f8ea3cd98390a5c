// Where commands may write: no input is an output, nothing of others is replaced, and endings tell the truth.

import Files
import Foundation
import TestSupport
import Testing

@Suite struct OutputFilesTests {
  private let folder = TemporaryFolder()

  private func file(_ name: String) throws -> String {
    let path = "\(folder.path)/\(name)"
    try Data([1]).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func refusal(_ outputs: [String], reading inputs: [String] = [], own: Set<String> = []) -> String? {
    do throws(FileError) { try checkOutputs(outputs, reading: inputs, isOwn: own.contains) } catch { return error.description }
    return nil
  }

  @Test func anInputIsNoOutputWhateverLinksLieBetween() throws {
    let input = try file("a.nii.gz"), other = folder.path + "/links"
    try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: other + "/soft.nii.gz", withDestinationPath: "../a.nii.gz")
    try FileManager.default.linkItem(atPath: input, toPath: other + "/hard.nii.gz")
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/twin", withDestinationPath: folder.path)
    for output in [input, other + "/soft.nii.gz", other + "/hard.nii.gz", folder.path + "/twin/a.nii.gz", other + "/../a.nii.gz"]
    {
      let text = refusal([output, folder.path + "/new"], reading: [input], own: [output])
      #expect(text?.hasPrefix("\(output) is read and would be written over: ") == true, "\(output): \(text ?? "accepted")")
    }
    #expect(refusal([folder.path + "/new", other + "/new"], reading: [input]) == nil)
  }

  @Test func onlyAnOutputOfItsOwnIsReplaced() throws {
    let own = try file("own"), foreign = try file("foreign"), dangling = folder.path + "/dangling"
    try FileManager.default.createSymbolicLink(atPath: dangling, withDestinationPath: "nowhere")
    #expect(refusal([own], own: [own]) == nil)
    #expect(refusal([own, foreign], own: [own])?.hasPrefix("\(foreign) is in the way") == true)
    let text = try #require(refusal([own, foreign, dangling, folder.path], own: [own]))
    #expect(text.split(separator: "\n").dropFirst() == ["  \(foreign)", "  \(dangling)", "  \(folder.path)"], "\(text)")
    #expect(text.hasPrefix("3 files are in the way"))
  }

  @Test func anEndingPromisesNoOtherFormat() {
    for path in ["w.safetensors", "a/W.SAFETENSORS"] {
      #expect(throws: Never.self) { try checkEnding(of: path, ".safetensors", format: "safetensors") }
    }
    for path in ["w.pth", "w", "w.safetensors.pth", "a/.safetensors", ""] {
      #expect(throws: FileError.self, "\(path)") { try checkEnding(of: path, ".safetensors", format: "safetensors") }
    }
  }
}
