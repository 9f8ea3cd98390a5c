// How the values of settings are written: lists, in brackets as in YAML, or plain with commas as on a command line.

import Foundation

extension SettingFormat where Value == [String] {
  public static var texts: Self {
    Self("a list, for example [a, b]", read: { ListText.elements($0) }, write: { ListText.joined($0) })
  }
}

extension SettingFormat where Value == [Int] {
  /// Exactly so many whole numbers from 1 to `most`.
  public static func integers(count: Int, upTo most: Int) -> Self {
    let example = ListText.joined([String](repeating: "64", count: count))
    return Self(
      "\(count) whole numbers from 1 to \(most), for example \(example)",
      read: { text in positiveIntegers(text, upTo: most).flatMap { $0.count == count ? $0 : nil } },
      write: { ListText.joined($0.map(String.init)) })
  }

  /// Whole numbers from 1 to `most` in a plain text, exactly `count` or any number of them that people write.
  public static func plainIntegers(count: Int? = nil, upTo most: Int) -> Self {
    Self(
      "\(count.map { "\($0) " } ?? "")whole numbers from 1 to \(most) with commas between them",
      read: { text in
        positiveIntegers(text, upTo: most).flatMap {
          $0.isEmpty || $0.count > longestList || $0.count != count ?? $0.count ? nil : $0
        }
      },
      write: plain)
  }
}

extension SettingFormat where Value == [[Int]] {
  /// Triples D,H,W of whole numbers from 1 to `most` with semicolons between them, from one to `count`.
  public static func triples(upTo most: Int, count: Int) -> Self {
    Self(
      "at most \(count) triples of whole numbers from 1 to \(most), for example 1,2,2;2,2,2",
      read: { text in
        let triples = text.split(separator: ";", omittingEmptySubsequences: false).compactMap { part in
          positiveIntegers(String(part), upTo: most).flatMap { $0.count == 3 ? $0 : nil }
        }
        return triples.count <= count && triples.count == text.count(where: { $0 == ";" }) + 1 ? triples : nil
      },
      write: { $0.map(plain).joined(separator: ";") })
  }
}

extension SettingFormat where Value == [[Int]] {
  /// Groups of whole numbers from 1 to `most` with semicolons between them, from one to `count`.
  public static func groups(upTo most: Int, count: Int) -> Self {
    Self(
      "at most \(count) groups of whole numbers from 1 to \(most), for example 1,2;2",
      read: { text in
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        let groups = parts.compactMap { positiveIntegers(String($0), upTo: most) }.filter { !$0.isEmpty }
        return groups.count <= count && groups.count == parts.count ? groups : nil
      },
      write: { $0.map(plain).joined(separator: ";") })
  }
}

extension SettingFormat where Value == ClosedRange<Int>? {
  /// No step, or the first and the last of a run of steps, from 1.
  public static var stepRange: Self {
    Self(
      "[], or the first and the last step, for example [100, 110]",
      read: { text in
        guard let ends = positiveIntegers(text, upTo: .max) else { return nil }
        if ends.isEmpty { return .some(nil) }
        guard ends.count == 2, ends[0] <= ends[1] else { return nil }
        return ends[0]...ends[1]
      },
      write: { ListText.joined($0.map { [String($0.lowerBound), String($0.upperBound)] } ?? []) })
  }
}

/// The most numbers that a plain list may hold: more is no list that anyone wrote.
private let longestList = 1000

private func positiveIntegers(_ text: String, upTo most: Int) -> [Int]? {
  let elements = ListText.elements(text), numbers = elements.compactMap { Int($0) }.filter { 1...most ~= $0 }
  return numbers.count == elements.count ? numbers : nil
}

private func plain(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: ",") }

/// Lists of texts as one text: `[a, b]`. Elements that hold commas, brackets or quotation marks stand in quotation marks.
enum ListText {
  /// The elements of a list; the brackets may be missing.
  static func elements(_ text: String) -> [String] {
    let inner = text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text[...]
    var parts = [""], depth = 0, isQuoted = false, isEscaped = false
    for character in inner {
      if character == ",", !isQuoted, depth == 0 {
        parts.append("")
        continue
      }
      switch character {
      case "\"" where !isEscaped: isQuoted.toggle()
      case "[" where !isQuoted: depth += 1
      case "]" where !isQuoted: depth -= 1
      default: break
      }
      isEscaped = character == "\\" && !isEscaped
      parts[parts.count - 1].append(character)
    }
    let elements = parts.map { $0.trimmingCharacters(in: .whitespaces) }
    return elements == [""] ? [] : elements.map(unquoted)
  }

  static func joined(_ elements: [String]) -> String { "[" + elements.map(quoted).joined(separator: ", ") + "]" }

  private static func quoted(_ element: String) -> String {
    let isPlain =
      !element.isEmpty && !element.contains { ",[]{}\"\\#".contains($0) }
      && element == element.trimmingCharacters(in: .whitespaces)
    return isPlain ? element : "\"" + element.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  private static func unquoted(_ element: String) -> String {
    guard element.count > 1, element.hasPrefix("\""), element.hasSuffix("\"") else { return element }
    var text = "", isEscaped = false
    for character in element.dropFirst().dropLast() {
      isEscaped = character == "\\" && !isEscaped
      if !isEscaped { text.append(character) }
    }
    return text
  }
}
