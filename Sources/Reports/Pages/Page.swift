// HTML pages that need nothing else, from the Mustache templates in the folder `Templates`, which are compiled into the program.

import Mustache

/// The kinds of pages: a template of the same name each.
public enum PageKind: String, CaseIterable, Sendable {
  case run, confidence, scaling, methods

  fileprivate var template: [UInt8] {
    switch self {
    case .run: PackageResources.run_mustache
    case .confidence: PackageResources.confidence_mustache
    case .scaling: PackageResources.scaling_mustache
    case .methods: PackageResources.methods_mustache
    }
  }
}

/// The templates by name: the pages, the frame around them and the parts that they share.
private let templates: MustacheLibrary = {
  let parts = [
    "page": PackageResources.page_mustache, "table": PackageResources.table_mustache, "cases": PackageResources.cases_mustache,
  ]
  let texts = parts.merging(PageKind.allCases.map { ($0.rawValue, $0.template) }) { $1 }
  do {
    return MustacheLibrary(templates: try texts.mapValues { try MustacheTemplate(string: String(decoding: $0, as: UTF8.self)) })
  } catch {
    fatalError("a template of a page cannot be read (\(error)): report this fault")
  }
}()

/// A page: one look for all, readable on a phone, dark where the reader's screen is.
/// - Parameter content: has a stored property for each name in the template, `title` among them; texts are escaped where the template does not say
///   that they are HTML.
public func page(_ kind: PageKind, _ content: some Any) -> String {
  guard let text = templates.render(content, withTemplate: kind.rawValue) else {
    fatalError("there is no template \(kind.rawValue): report this fault")
  }
  return text
}
