// What a folder of images holds: every file is an image, named as unread, or an ordinary companion.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite struct ImageFolderTests {
  private func folder(of names: [String], folders: [String] = []) throws -> TemporaryFolder {
    let folder = TemporaryFolder()
    for name in names { try Data([1]).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)")) }
    for name in folders {
      try FileManager.default.createDirectory(atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
    }
    return folder
  }

  @Test func everyFileIsAccountedFor() throws {
    let folder = try folder(
      of: ["b.NII.GZ", "a.nii", "c.hdr", "c.img", "d.img", "e.mnc", "f", "notes.txt", ".DS_Store", "Thumbs.db"],
      folders: ["case7"])
    let found = try ImageFolder(folder.path)
    #expect(found.images.map(\.stem) == ["a", "b", "c"] && found.images.map(\.name) == ["a.nii", "b.NII.GZ", "c.hdr"])
    #expect(found.unread == ["case7", "d.img", "e.mnc", "f"])
  }

  @Test func pipesAndLinksToNowhereAreNotImages() throws {
    let folder = try folder(of: ["a.nii"])
    #expect(mkfifo(folder.path + "/pipe.nii", 0o644) == 0)
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/gone.nii.gz", withDestinationPath: "/nowhere.nii.gz")
    let found = try ImageFolder(folder.path)
    #expect(found.images.map(\.name) == ["a.nii"] && found.unread == ["gone.nii.gz", "pipe.nii"])
  }

  @Test(arguments: [["a.nii", "a.nii.gz"], ["a.nii", "a.NII"], ["ä.nii", "a\u{308}.nii"]]) func twoFilesOfOneCaseAreRefused(
    names: [String]
  ) throws {
    let folder = try folder(of: names)
    let error = #expect(throws: VolumeError.self) { try ImageFolder(folder.path) }
    #expect(error?.description.contains("two files for one case") == true)
  }
}
