// A PNG read back with libpng.

import CPNG
import Testing

struct Picture {
  var width = 0
  var height = 0
  var bytes: [UInt8] = []

  init(_ path: String) throws {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    try #require(png_image_begin_read_from_file(&image, path) != 0)
    image.format = UInt32(PNG_FORMAT_FLAG_COLOR)
    (width, height) = (Int(image.width), Int(image.height))
    bytes = [UInt8](repeating: 0, count: 3 * width * height)
    try #require(png_image_finish_read(&image, nil, &bytes, 0, nil) != 0)
  }

  func color(_ x: Int, _ y: Int) -> [UInt8] { Array(bytes[3 * (y * width + x)..<3 * (y * width + x) + 3]) }

  /// Positions of pixels whose colour is far from grey.
  var tinted: [(x: Int, y: Int)] {
    (0..<width * height).compactMap { index in
      let c = color(index % width, index / width)
      return Int(c.max()!) - Int(c.min()!) > 60 ? (index % width, index / width) : nil
    }
  }
}
