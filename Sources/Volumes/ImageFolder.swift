// The images of a folder by the names of their cases, and what else in it looks like data, so that no file is passed over in silence.

import Files
import Foundation

/// An image file that can be read.
public struct ImageFile: Sendable, Hashable {
  /// The name as it stands on the disk.
  public let name: String
  /// The name without its ending, in Unicode normal form C: file systems and programs differ in how they write an accent.
  public let stem: String
  public let path: String

  public init(name: String, stem: String, path: String) { (self.name, self.stem, self.path) = (name, stem, path) }
}

extension ImageFile {
  /// The image at a path; nil if its name is not that of one.
  public init?(path: String) {
    let name = lastName(of: path)
    guard let stem = imageStem(name) else { return nil }
    self.init(name: name, stem: stem, path: path)
  }
}

/// The endings of images that are read. A pair is named by its header.
public let imageEndings = [".nii.gz", ".nii", ".hdr", ".nrrd", ".nhdr", ".mha", ".mhd"]

/// The name of an image without its ending, in any case and in Unicode normal form C; nil if it is not an image's name.
public func imageStem(_ name: String) -> String? {
  let lower = name.lowercased()
  guard !name.hasPrefix("."), let ending = imageEndings.first(where: lower.hasSuffix), lower != ending else {
    return nil
  }
  return String(name.dropLast(ending.count)).precomposedStringWithCanonicalMapping
}

/// What a folder of images holds. Hidden files and ordinary companions such as texts, tables and pictures are left out.
public struct ImageFolder: Sendable {
  /// Sorted by stem.
  public let images: [ImageFile]
  /// Names of files and folders that look like data but cannot be read, sorted.
  public let unread: [String]

  /// Lists `folder`. Errors: it cannot be listed; two of its files have the same stem.
  public init(_ folder: String) throws(VolumeError) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw VolumeError("\(folder) cannot be listed: check that it is a folder that may be read.")
    }
    let visible = names.filter { !$0.hasPrefix(".") }.sorted()
    let headers = [".hdr", ".nhdr", ".mhd"]
    let parts = Set(
      visible.compactMap { name in headers.first(where: name.lowercased().hasSuffix).map { String(name.dropLast($0.count)) } })
    var images: [ImageFile] = [], unread: [String] = []
    for name in visible {
      let path = "\(folder)/\(name)"
      if let stem = imageStem(name), Self.isFile(path) {
        images.append(ImageFile(name: name, stem: stem, path: path))
      } else if !Self.isVoxels(name, of: parts), !Self.isCompanion(name) || !Self.isFile(path) {
        unread.append(name)
      }
    }
    self.images = images.sorted { ($0.stem, $0.name) < ($1.stem, $1.name) }
    self.unread = unread
    for (first, second) in zip(self.images, self.images.dropFirst()) where first.stem == second.stem {
      throw VolumeError("\(folder) holds \(first.name) and \(second.name), two files for one case: remove or rename one.")
    }
  }

  /// Whether a file holds the voxels of one of the headers `parts`.
  private static func isVoxels(_ name: String, of parts: Set<String>) -> Bool {
    let lower = name.lowercased()
    guard let ending = [".img.gz", ".img", ".raw.gz", ".raw", ".zraw"].first(where: lower.hasSuffix) else { return false }
    return parts.contains(String(name.dropLast(ending.count)))
  }

  /// Whether a file of this name is commonly found beside images and holds none. Its ending decides.
  private static func isCompanion(_ name: String) -> Bool {
    let known = [
      "txt", "ctbl", "md", "rst", "json", "yaml", "yml", "csv", "tsv", "xls", "xlsx", "xml", "html", "pdf", "doc", "docx", "log",
      "png",
      "jpg", "jpeg",
      "svg", "py", "sh", "m", "ini", "db", "bval", "bvec", "sha256", "md5", "bak", "tmp",
    ]
    return known.contains((name as NSString).pathExtension.lowercased())
      || ["license", "readme", "changes"].contains(name.lowercased())
  }

  /// Whether a regular file lies there, perhaps behind a link; folders, pipes, devices and links to nowhere are none.
  private static func isFile(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
  }
}
