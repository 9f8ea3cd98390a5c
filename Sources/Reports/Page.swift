// One HTML page that needs nothing else: the frame of reports.

/// A page with its title as heading.
/// - Parameters:
///   - style: more rules of CSS.
///   - body: HTML; tables have a line of heads, names at the left have the class `name`, pictures lie side by side in a `div` of class `charts`, below each other and
///     with larger letters on a phone.
public func page(title: String, style: String = "", _ body: String) -> String {
  """
  <!DOCTYPE html>
  <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>\(escaped(title))</title>
  <style>
  body { font-family: sans-serif; color: #222222; max-width: 1320px; margin: 2em auto; padding: 0 1em; line-height: 1.4 }
  table { border-collapse: collapse; margin: 1em 0; font-size: 0.9em } th, td { padding: 0.25em 0.7em; text-align: right }
  th { border-bottom: 2px solid #222222 } td { border-bottom: 1px solid #dddddd } td.name, th.name { text-align: left }
  .charts { display: flex; flex-wrap: wrap; gap: 8px } .charts svg { flex: 1 1 480px; max-width: 640px } svg { max-width: 100%; height: auto }
  pre { font-size: 0.9em; overflow-x: auto }
  .warning { background: #fff2cc; color: #222222; padding: 0.5em 1em }
  @media (prefers-color-scheme: dark) {
    body { background: #17181b; color: #dddddd } th { border-color: #dddddd } td { border-color: #444444 } a { color: #8ab4f8 }
    svg { fill: #dddddd } svg rect[fill="#ffffff"] { fill: #17181b }
    svg line[stroke="#222222"] { stroke: #dddddd } svg line[stroke="#dddddd"] { stroke: #3a3c40 }
  }
  @media (max-width: 700px) {
    body { margin: 1em auto } table { display: block; overflow-x: auto }
    .charts svg { flex-basis: 100%; max-width: 100%; overflow: visible } .charts svg text { font-size: 17px }
  }
  \(style)
  </style></head><body>
  <h1>\(escaped(title))</h1>
  \(body)
  </body></html>

  """
}
