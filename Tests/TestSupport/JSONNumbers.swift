// The numbers in a JSON text, for tests that replace one after the other by what it must not be.

/// The places of all numbers outside of texts, in order.
public func numbers(inJSON text: String) -> [Range<String.Index>] {
  var places: [Range<String.Index>] = [], index = text.startIndex, isText = false
  while index < text.endIndex {
    let character = text[index], next = text.index(after: index)
    if isText {
      isText = character != "\""
      index = character == "\\" ? text.index(after: next) : next
    } else if character.isNumber || character == "-" {
      let end = text[index...].firstIndex { !($0.isNumber || "+-.eE".contains($0)) } ?? text.endIndex
      places.append(index..<end)
      index = end
    } else {
      isText = character == "\""
      index = next
    }
  }
  return places
}
