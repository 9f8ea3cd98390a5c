// Finite differences: the derivative of a scalar by each of some inputs, against the tape's backward pass.

/// The worst disagreement between analytic and numeric derivatives, relative to the largest derivative of the same input.
///
/// - Parameters:
///   - values: the inputs, which are changed and restored one element at a time.
///   - step: the change of an element; central differences leave an error of step² and of rounding / step.
///   - value: the scalar for given inputs, in Double.
///   - gradients: the analytic derivatives for given inputs, in the same layout.
public func gradientDisagreement(
  _ values: [[Float]], step: Float, value: ([[Float]]) -> Double, gradients: ([[Float]]) -> [[Float]]
) -> Double {
  let analytic = gradients(values)
  var worst = 0.0
  for input in values.indices {
    var changed = values
    let largest = max(1e-6, analytic[input].map { abs(Double($0)) }.max() ?? 0)
    // A spread of at most 60 elements keeps the check fast on larger inputs.
    for element in stride(from: 0, to: values[input].count, by: max(1, values[input].count / 60)) {
      let original = values[input][element]
      changed[input][element] = original + step
      let above = value(changed), width = Double(changed[input][element])
      changed[input][element] = original - step
      let below = value(changed), span = width - Double(changed[input][element])
      changed[input][element] = original
      worst = max(worst, abs((above - below) / span - Double(analytic[input][element])) / largest)
    }
  }
  return worst
}
