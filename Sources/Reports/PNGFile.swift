// Writing a picture as PNG with libpng's simplified interface, and knowing it again by the program's name in it.

import CPNG
import Foundation

extension Canvas {
  /// Writes the picture to `path`, under a temporary name first, so that a viewer never meets half a file.
  func write(to path: String) throws(ReportError) {
    let file = try png(), temporary = "\(path).partial-\(getpid())"
    guard write(file, to: temporary), rename(temporary, path) == 0 else {
      let cause = String(cString: strerror(errno))
      unlink(temporary)
      throw ReportError(
        "\(path) cannot be written (\(cause)): make sure that its folder exists, may be written to and has space left.")
    }
  }

  private func write(_ bytes: [UInt8], to path: String) -> Bool {
    guard let file = fopen(path, "w") else { return false }
    let count = fwrite(bytes, 1, bytes.count, file)
    return fclose(file) == 0 && count == bytes.count
  }

  /// The picture as the bytes of a PNG file.
  func png() throws(ReportError) -> [UInt8] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    (image.width, image.height) = (UInt32(width), UInt32(height))
    image.format = UInt32(PNG_FORMAT_FLAG_COLOR)  // PNG_FORMAT_RGB
    var count = bytes.count + bytes.count / 8 + height + 4096
    var file = [UInt8](repeating: 0, count: count)
    guard png_image_write_to_memory(&image, &file, &count, 0, bytes, 0, nil) != 0 else {
      png_image_free(&image)
      throw ReportError("a picture of \(width) x \(height) pixels cannot be packed: choose a smaller one.")
    }
    return file[..<(count - closing.count)] + signature
  }
}

/// The end of every picture of ours: the text "Software: Cohort", which the simplified interface cannot write, and the closing chunk.
private let signature: [UInt8] =
  [0, 0, 0, 15] + Array("tEXtSoftware\0Cohort".utf8) + [0xB4, 0xCA, 0x3A, 0x65] + closing
private let closing: [UInt8] = [0, 0, 0, 0] + Array("IEND".utf8) + [0xAE, 0x42, 0x60, 0x82]

/// Whether a file is a picture that Cohort wrote.
public func isOwnPicture(_ path: String) -> Bool {
  var facts = stat()
  // A pipe would never end.
  guard stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size > signature.count,
    let file = FileHandle(forReadingAtPath: path)
  else { return false }
  defer { try? file.close() }
  try? file.seek(toOffset: UInt64(facts.st_size) - UInt64(signature.count))
  return (try? file.readToEnd()).map { Array($0) == signature } ?? false
}
