// The page of all keys of run files, Sources/Training/KEYS.md, as `cohort recipes keys --markdown` prints it.

import Methods
import Networks
import Settings
import Training

/// A table of the keys of every run file, then one of the options of each method and network that has any.
var keyPage: String {
  let options =
    methodCatalog.map { ("Method `\($0.name)`", "method.", $0.options) }
    + networkCatalog.map { ("Network `\($0.name)`", "network.", $0.options) }
  return """
    # Keys of a run file

    Made by `cohort recipes keys --markdown` from the tables by which the program checks run files. A key `a.b` is written `a: {b: VALUE}` in the
    file and `a.b=VALUE` behind it on the command line.

    \(SettingList(RunKeys.all).markdown)
    """
      + options.filter { !$0.2.isEmpty }.map { "\n## \($0.0)\n\n" + SettingList($0.2, prefix: $0.1).markdown }.joined()
}
