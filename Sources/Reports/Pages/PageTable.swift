// A table of an HTML page, as the template `table` reads it: by the names of stored properties.

/// A table of a page.
public struct PageTable: Sendable {
  public struct Cell: Sendable {
    let text: String
    /// The class in the style sheet: `name` stands at the left.
    let style: String?
    /// Said small behind the text, in brackets.
    let detail: String?

    public init(_ text: String, style: String? = nil, detail: String? = nil) {
      (self.text, self.style, self.detail) = (text, style, detail)
    }

    /// A text that is no number.
    public static func name(_ text: String) -> Cell { Cell(text, style: "name") }
  }

  struct Row: Sendable { let cells: [Cell] }

  let head: Row?
  let rows: [Row]

  public init(heads: [Cell] = [], _ rows: [[Cell]]) {
    head = heads.isEmpty ? nil : Row(cells: heads)
    self.rows = rows.map(Row.init)
  }
}
