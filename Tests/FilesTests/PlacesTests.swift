// Places: two spellings of one file are one place, links included; what does not exist yet has a real path all the same.

import Files
import Foundation
import TestSupport
import Testing

@Suite struct PlacesTests {
  @Test func linksLeadToOnePlace() throws {
    let folder = TemporaryFolder()
    let real = folder.path + "/real", link = folder.path + "/link"
    try FileManager.default.createDirectory(atPath: real, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: real)
    #expect(isSamePlace(real, link) && isSamePlace(real, real + "/../real/") && !isSamePlace(real, folder.path))
    #expect(realPath(link + "/new/file.nii") == realPath(real) + "/new/file.nii")
    #expect(isSamePlace(link + "/new", real + "/new") && !isSamePlace(link + "/new", real + "/old"))
  }

  @Test(arguments: [
    ("o/run", "o", "run"), ("o", "", "o"), ("/a", "/", "a"), ("/a/b.nii", "/a", "b.nii"), ("a/b/", "a", "b"), ("a//b", "a", "b"),
    ("/", "/", "/"), ("", "", ""),
  ]) func pathsComeApart(path: String, folder: String, name: String) {
    #expect(parentFolder(of: path) == folder && lastName(of: path) == name)
  }

  @Test func hardLinksAreOnePlace() throws {
    let folder = TemporaryFolder()
    try Data([1]).write(to: URL(fileURLWithPath: folder.path + "/a"))
    try FileManager.default.linkItem(atPath: folder.path + "/a", toPath: folder.path + "/b")
    #expect(isSamePlace(folder.path + "/a", folder.path + "/b"))
  }

  @Test func whatLiesInsideIsNamedByWholeFolders() throws {
    let folder = TemporaryFolder()
    #expect(isInside(folder.path, folder.path) && isInside(folder.path + "/a/b", folder.path) && isInside("/tmp", "/"))
    #expect(!isInside(folder.path + "-other", folder.path) && !isInside("/", folder.path))
  }

  @Test func aFreeMemoryHasRoomForLittle() {
    #expect(FreeMemory.shortage(of: 1 << 20, for: "a small thing") == nil)
    #expect(FreeMemory.shortage(of: .max / 2, for: "the volume")?.hasPrefix("the volume needs about ") == true)
  }

  @Test func newFilesHaveTheUmasksPermissions() throws {
    let folder = TemporaryFolder()
    let before = umask(0o002)
    defer { umask(before) }
    try writeDurably([1], to: folder.path + "/shared")
    var facts = stat()
    #expect(stat(folder.path + "/shared", &facts) == 0 && facts.st_mode & 0o777 == 0o664)
  }
}
