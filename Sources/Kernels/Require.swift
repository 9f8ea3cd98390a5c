// Programming errors trap with a sentence. `precondition` loses its text in a release build; this does not.

/// Stops the program with `message` (operation, shapes, hint) unless `condition` holds.
@inline(__always)
public func require(_ condition: Bool, _ message: @autoclosure () -> String) {
  if !condition { fatalError(message()) }
}
