// "Did you mean": the known name that is closest to a misspelt one.

/// The candidate with the fewest single-letter edits from `name`; one that begins with it comes before all others. Nil without candidates, and
/// for a text that is too long to be a misspelt name.
public func nearestName(to name: String, among candidates: [String]) -> String? {
  guard name.utf8.count <= 200 else { return nil }
  func distance(_ candidate: String) -> (Int, Int) { (candidate.hasPrefix(name) ? 0 : 1, editDistance(name, candidate)) }
  return candidates.min { distance($0) < distance($1) }
}

/// Insertions, deletions and substitutions between two texts (Levenshtein), upper and lower case alike.
func editDistance(_ a: String, _ b: String) -> Int {
  let first = Array(a.lowercased()), second = Array(b.lowercased())
  var row = Array(0...second.count)
  for i in 0..<first.count {
    var diagonal = row[0]
    row[0] = i + 1
    for j in 0..<second.count {
      let substituted = diagonal + (first[i] == second[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[second.count]
}
