// Writing a picture as PNG with libpng's simplified interface.

import CPNG
import Foundation

extension Canvas {
  /// Writes the picture to `path`, under a temporary name first, so that a viewer never meets half a file.
  func write(to path: String) throws(ReportError) {
    let temporary = "\(path).partial-\(getpid())"
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format = UInt32(PNG_FORMAT_FLAG_COLOR)  // PNG_FORMAT_RGB
    guard png_image_write_to_file(&image, temporary, 0, bytes, 0, nil) != 0, rename(temporary, path) == 0 else {
      let cause = String(cString: strerror(errno))
      png_image_free(&image)
      unlink(temporary)
      throw ReportError(
        "\(path) cannot be written (\(cause)): make sure that its folder exists, may be written to and has space left.")
    }
  }
}
