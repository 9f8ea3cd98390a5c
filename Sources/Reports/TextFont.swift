// Text for pictures: outlines of the machine's fonts, drawn by FreeType. DejaVu Sans where it is installed; what it lacks comes from whichever font
// Fontconfig finds for it, so that names of classes may be in any script whose letters stand one after another.

import CFreeType
import Files
import Foundation
import Synchronization

/// Measures and draws text. The sizes of `scale`: 1 for small print, 2 for titles and legends.
package enum TextFont {
  /// A drawn letter: rows of coverage, 0...255, from the top.
  struct Glyph {
    /// Where its first column and row lie, from the pen and from the base line upwards, pixels.
    let left, top: Int
    let width, height: Int
    let advance: Int
    let coverage: [UInt8]
  }

  /// The height of a line, and of what stands on its base line, pixels.
  static func height(scale: Int) -> Int { 8 * scale }
  static func ascent(scale: Int) -> Int { 7 * scale }

  /// Pixels. Zero where the machine has no font.
  package static func width(of text: String, scale: Int) -> Int { glyphs(of: text, scale: scale).reduce(0) { $0 + $1.advance } }

  /// The letters of a text, one after another.
  static func glyphs(of text: String, scale: Int) -> [Glyph] {
    let pixels = UInt32(7 * scale + 2)
    return faces.withLock { faces in
      text.precomposedStringWithCanonicalMapping.unicodeScalars.compactMap { faces.glyph(of: $0.value, pixels: pixels) }
    }
  }

  private static let faces = Mutex(FontFaces())
}

/// The fonts that are open. Not made but once, and never closed: a program draws until it ends.
private struct FontFaces: ~Copyable, @unchecked Sendable {
  private var library: FT_Library?
  private var faces: [FT_Face] = []
  /// Letters that no font has.
  private var missing: Set<UInt32> = []

  init() {
    guard FT_Init_FreeType(&library) == 0, FcInit() != 0, open(FontFaces.file(family: "DejaVu Sans", letter: nil)) else {
      complain("no font was found, so pictures have no text: install DejaVu Sans (Debian: fonts-dejavu-core).")
      return
    }
  }

  mutating func glyph(of letter: UInt32, pixels: UInt32) -> TextFont.Glyph? {
    guard let face = face(for: letter), FT_Set_Pixel_Sizes(face, 0, pixels) == 0,
      FT_Load_Char(face, FT_ULong(letter), FT_Int32(FT_LOAD_RENDER)) == 0, let slot = face.pointee.glyph?.pointee
    else { return nil }
    let bitmap = slot.bitmap, isGray = bitmap.pixel_mode == UInt8(FT_PIXEL_MODE_GRAY.rawValue)
    let (width, height) = isGray ? (Int(bitmap.width), Int(bitmap.rows)) : (0, 0)
    var coverage: [UInt8] = []
    for row in 0..<height { coverage += UnsafeBufferPointer(start: bitmap.buffer + row * Int(bitmap.pitch), count: width) }
    return TextFont.Glyph(
      left: Int(slot.bitmap_left), top: Int(slot.bitmap_top), width: width, height: height, advance: slot.advance.x >> 6,
      coverage: coverage)
  }

  /// The first open font that has a letter, or another one of the machine; the first, with its sign for what it lacks, where none has.
  private mutating func face(for letter: UInt32) -> FT_Face? {
    if let face = faces.first(where: { FT_Get_Char_Index($0, FT_ULong(letter)) != 0 }) { return face }
    guard !faces.isEmpty, !missing.contains(letter) else { return faces.first }
    if open(FontFaces.file(family: nil, letter: letter)), let face = faces.last {
      if FT_Get_Char_Index(face, FT_ULong(letter)) != 0 { return face }
      FT_Done_Face(faces.removeLast())
    }
    missing.insert(letter)
    return faces.first
  }

  private mutating func open(_ file: (path: String, index: Int)?) -> Bool {
    var face: FT_Face?
    guard let file, FT_New_Face(library, file.path, FT_Long(file.index), &face) == 0, let face else { return false }
    faces.append(face)
    return true
  }

  /// The file of a font of the machine, by its family or by a letter that it has.
  private static func file(family: String?, letter: UInt32?) -> (path: String, index: Int)? {
    let pattern = FcPatternCreate()
    defer { FcPatternDestroy(pattern) }
    if let family { FcPatternAddString(pattern, "family", family) }
    if let letter {
      let letters = FcCharSetCreate()
      FcCharSetAddChar(letters, letter)
      FcPatternAddCharSet(pattern, "charset", letters)
      FcCharSetDestroy(letters)
    }
    FcPatternAddBool(pattern, "scalable", 1)
    FcConfigSubstitute(nil, pattern, FcMatchPattern)
    FcDefaultSubstitute(pattern)
    var result = FcResultNoMatch
    guard let match = FcFontMatch(nil, pattern, &result) else { return nil }
    defer { FcPatternDestroy(match) }
    var path: UnsafeMutablePointer<FcChar8>?, index: Int32 = 0
    guard FcPatternGetString(match, "file", 0, &path) == FcResultMatch, let path else { return nil }
    _ = FcPatternGetInteger(match, "index", 0, &index)
    return (String(cString: path), Int(index))
  }
}
