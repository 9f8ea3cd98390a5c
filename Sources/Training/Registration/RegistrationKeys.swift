// Keys of a run file about labels that are carried to unlabelled volumes by registration.

import Settings

public enum RegistrationKeys {
  static let spacing = Setting(
    "registration.spacing", default: 0.0, in: 0...100,
    "Voxels of the grid on which volumes are registered, mm; 0 takes as fine a one as the volumes or a second for each of them allow, at most 4."
  )
  static let leastReturn = Setting(
    "registration.leastReturn", default: 0.5, in: 0...1,
    "Dice of a labelled volume's labels carried there and back from which on the volume that they were carried to gets labels.")
  static let templates = Setting(
    "registration.templates", default: 0, in: 0...100,
    "Unlabelled volumes by way of which labels go as well: those whose labels came back best, as many at most. Each costs a registration more for "
      + "every volume.")

  static let all: [any SettingDescription] = [spacing, leastReturn, templates]
}
