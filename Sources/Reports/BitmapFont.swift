// A font of 5x8 dots for titles and legends: eight rows from top to bottom, the last one below the baseline.
// Each glyph is one number, a byte for each row, the first row in the highest byte; the lowest five bits of a byte are its dots.

enum BitmapFont {
  static let width = 5
  static let height = 8
  /// The distance from one character to the next, in dots.
  static let advance = 6

  /// The eight rows of a character; a hollow box for one that the font does not have.
  static func glyph(_ character: Character) -> [UInt64] {
    let rows = glyphs[character] ?? 0x1F11_1111_1111_1F00
    return (0..<height).map { rows >> UInt64(8 * (height - 1 - $0)) & 0xFF }
  }

  static func width(of text: String, scale: Int) -> Int { max(0, text.count * advance - 1) * scale }

  private static let glyphs: [Character: UInt64] = [
    "A": 0x0E11111F11111100, "B": 0x1E11111E11111E00, "C": 0x0E11101010110E00, "D": 0x1E11111111111E00,
    "E": 0x1F10101E10101F00, "F": 0x1F10101E10101000, "G": 0x0E11101711110F00, "H": 0x1111111F11111100,
    "I": 0x0E04040404040E00, "J": 0x0702020202120C00, "K": 0x1112141814121100, "L": 0x1010101010101F00,
    "M": 0x111B151511111100, "N": 0x1119151311111100, "O": 0x0E11111111110E00, "P": 0x1E11111E10101000,
    "Q": 0x0E11111115120D00, "R": 0x1E11111E14121100, "S": 0x0F10100E01011E00, "T": 0x1F04040404040400,
    "U": 0x1111111111110E00, "V": 0x11111111110A0400, "W": 0x11111115151B1100, "X": 0x11110A040A111100,
    "Y": 0x11110A0404040400, "Z": 0x1F01020408101F00, "a": 0x00000E010F110F00, "b": 0x10101E1111111E00,
    "c": 0x00000E1010100E00, "d": 0x01010F1111110F00, "e": 0x00000E111F100E00, "f": 0x06081E0808080800,
    "g": 0x00000F11110F010E, "h": 0x10101E1111111100, "i": 0x04000C0404040E00, "j": 0x020006020202120C,
    "k": 0x1010121418141200, "l": 0x0C04040404040E00, "m": 0x00001A1515151500, "n": 0x00001E1111111100,
    "o": 0x00000E1111110E00, "p": 0x00001E11111E1010, "q": 0x00000F11110F0101, "r": 0x0000161810101000,
    "s": 0x00000F100E011E00, "t": 0x08081E0808080600, "u": 0x0000111111110F00, "v": 0x00001111110A0400,
    "w": 0x0000111515150A00, "x": 0x0000110A040A1100, "y": 0x00001111110F010E, "z": 0x00001F0204081F00,
    "0": 0x0E11131519110E00, "1": 0x040C040404040E00, "2": 0x0E11010608101F00, "3": 0x0E11010601110E00,
    "4": 0x02060A121F020200, "5": 0x1F101E0101110E00, "6": 0x0E10101E11110E00, "7": 0x1F01020404080800,
    "8": 0x0E11110E11110E00, "9": 0x0E11110F01010E00, " ": 0x0000000000000000, "-": 0x0000000E00000000,
    "_": 0x0000000000001F00, "+": 0x0004041F04040000, ".": 0x00000000000C0C00, ",": 0x00000000000C0408,
    ":": 0x000C0C000C0C0000, "/": 0x0101020408101000, "%": 0x1919020408131300, "(": 0x0204080808040200,
    ")": 0x0804020202040800, "=": 0x00001F001F000000, "'": 0x0404000000000000,
  ]
}
