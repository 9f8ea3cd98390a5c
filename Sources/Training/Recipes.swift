// Ready run files, compiled into the program: `cohort recipes` lists and prints them; a test loads each.

import Settings

/// A run file with a name.
public struct Recipe: Sendable {
  public let name: String
  public let yaml: String
  /// The first line's comment.
  public var summary: String { String(yaml.prefix { $0 != "\n" }.drop { $0 == "#" || $0 == " " }) }
}

/// Every recipe: a file in `Recipes`, and one line here.
public let recipes: [Recipe] = [
  Recipe(name: "few-labels", yaml: String(decoding: PackageResources.few_labels_yaml, as: UTF8.self)),
  Recipe(name: "relif-registration", yaml: String(decoding: PackageResources.relif_registration_yaml, as: UTF8.self)),
  Recipe(name: "demo-relif", yaml: String(decoding: PackageResources.demo_relif_yaml, as: UTF8.self)),
  Recipe(name: "sfr-mean-teacher", yaml: String(decoding: PackageResources.sfr_mean_teacher_yaml, as: UTF8.self)),
  Recipe(name: "sfr-plus-mean-teacher", yaml: String(decoding: PackageResources.sfr_plus_mean_teacher_yaml, as: UTF8.self)),
  Recipe(name: "nnunet", yaml: String(decoding: PackageResources.nnunet_yaml, as: UTF8.self)),
  Recipe(name: "bcp", yaml: String(decoding: PackageResources.bcp_yaml, as: UTF8.self)),
  Recipe(name: "liver-cps", yaml: String(decoding: PackageResources.liver_cps_yaml, as: UTF8.self)),
  Recipe(name: "demo-supervised", yaml: String(decoding: PackageResources.demo_supervised_yaml, as: UTF8.self)),
]

public func recipe(named name: String) throws(TrainingError) -> Recipe {
  guard let recipe = recipes.first(where: { $0.name == name }) else {
    throw TrainingError(
      "there is no recipe \"\(name)\": did you mean \"\(nearestName(to: name, among: recipes.map(\.name)) ?? "")\"?")
  }
  return recipe
}
