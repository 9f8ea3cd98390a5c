// Names and colours of classes for the viewers that people open label maps with: the same colours as in our pictures.

/// The label description of ITK-SNAP ("Import label descriptions"): index, red, green, blue, opacity, visibility in planes and as a mesh, name.
/// - Parameter classNames: by label value; 0 is background.
public func labelDescriptionOfITKSNAP(_ classNames: [String]) -> String {
  lines(classNames) { label, color, name in
    let isShown = label == 0 ? 0 : 1
    return "\(label) \(color.red) \(color.green) \(color.blue) \(isShown) \(isShown) \(isShown) \"\(name.filter { $0 != "\"" })\""
  }
}

/// The colour table of 3D Slicer (.ctbl): value, name without spaces, red, green, blue, opacity.
/// - Parameter classNames: by label value; 0 is background.
public func colorTableOfSlicer(_ classNames: [String]) -> String {
  lines(classNames) { label, color, name in
    "\(label) \(name.replacing(" ", with: "_")) \(color.red) \(color.green) \(color.blue) \(label == 0 ? 0 : 255)"
  }
}

private func lines(_ classNames: [String], _ line: (Int, Color, String) -> String) -> String {
  classNames.enumerated().map { label, name in
    line(label, label == 0 ? Color(0, 0, 0) : classColor(label), name) + "\n"
  }.joined()
}
