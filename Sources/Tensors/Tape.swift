// Reverse-mode differentiation on a flat tape.
//
// Operations append records to an array. The backward pass goes by index from the end, hands each record the gradient of its output
// and releases the record, so memory shrinks as the pass goes on and the order in which parameters become ready is known. Nothing
// is recorded for values that need no gradient (the prior, a teacher, inference).

import Kernels

/// A scalar on the tape: a loss value, kept in Double.
public struct Scalar: Sendable {
  public let value: Double
  public let slot: Int?

  /// A scalar that depends on nothing recorded.
  public init(constant value: Double) { (self.value, self.slot) = (value, nil) }
  init(value: Double, slot: Int?) { (self.value, self.slot) = (value, slot) }

  /// The scalar and a constant, which changes no gradient.
  public func plus(_ constant: Double) -> Scalar { Scalar(value: value + constant, slot: slot) }
}

/// What a tape keeps for the backward pass.
public enum TapeMemory: String, Sendable, CaseIterable, Codable {
  /// Every value that a pullback reads.
  case standard
  /// Keeps only the inputs of the segments that networks mark with `recomputing`, and computes their inside again, to the same
  /// bits.
  case lean
}

/// Records operations and runs the backward pass over them.
public final class Tape {
  private enum Pullback {
    case tensor((Tensor) -> Void)
    /// Takes the gradient away, so that it can be released before the pullback ends.
    case taking((inout Tensor?) -> Void)
    case scalar((Double) -> Void)
  }
  private struct Record {
    let operation: String
    let output: Int
    let parameters: [Parameter]
    let pullback: Pullback
    /// What the backward pass will be entered as; nil where nobody profiles.
    let backward: Profile.Cost?
  }
  private enum Gradient {
    case none
    case tensor(Tensor)
    case scalar(Double)
  }

  /// Whether operations leave a record; in inference they compute their value alone.
  public let recording: Bool
  public let memory: TapeMemory
  /// Whether a part is being recomputed: side effects, such as batch statistics, must not repeat.
  public private(set) var isRepeating = false
  /// Whether such a part is ending: nobody reads its result the second time.
  private(set) var skipsEnds = false
  /// Told of every operation as it ends, forward and backward.
  public let profile: Profile?
  /// Told what every operation outside of recomputed parts is.
  private let trace: Trace?
  /// Whether a backward pass keeps its records: pullbacks must not overwrite saved tensors.
  public private(set) var keepsRecords = false
  private var parametersOfSkippedRecords: [Parameter] = []
  private var records: [Record?] = []
  private var gradients: [Gradient] = []
  private var pendingUses: [ObjectIdentifier: Int] = [:]

  public init(recording: Bool = true, memory: TapeMemory = .standard, profile: Profile? = nil, trace: Trace? = nil) {
    (self.recording, self.memory, self.profile, self.trace) = (recording, memory, profile, trace)
  }

  /// The operations on the tape, first to last.
  public var operations: [String] { records.compactMap { $0?.operation } }

  /// A place for an input whose gradient is wanted; read it with `gradient(of:)` after `backward`.
  public func variable(_ value: Tensor) -> Tensor { marked(value) }

  // MARK: Recording

  /// Appends an operation. `pullback` receives the gradient of `output`, which is its own to change or to hand on, and passes tensors that
  /// nobody else holds to `accumulate`.
  /// - Parameters:
  ///   - operations: floating-point operations of the forward pass, for convolutions and matrix products (`Profile`).
  ///   - layer: what a `Trace` is told of it; nil for operations of no segmentation network.
  /// - Returns: `output`, with a place on the tape if any input needs a gradient or any parameter is trained.
  public func record(
    _ operation: String, inputs: [Tensor], parameters: [Parameter] = [], output: Tensor, operations: Double = 0,
    layer: TracedLayer? = nil, pullback: @escaping (Tensor) -> Void
  ) -> Tensor {
    trace?.add(operation, layer, inputs: inputs, parameters: parameters, output: output)
    let backward = profile?.addForward(
      operation, inputs: inputs, parameters: parameters, output: output.shape, operations: operations,
      pass: isRepeating ? .recomputed : .forward)
    let trained = parameters.filter { !$0.isFrozen }
    guard needsGradient(inputs, trained) else {
      parametersOfSkippedRecords += trained
      return output
    }
    let result = marked(output)
    append(
      Record(operation: operation, output: result.slot!, parameters: trained, pullback: .tensor(pullback), backward: backward))
    return result
  }

  /// A part of a network that a lean tape computes twice: now without keeping anything, and in the backward pass with records of
  /// its own. `body` must compute the same from the same inputs each time.
  /// - Parameters:
  ///   - whole: false where `body` marks smaller parts itself.
  ///   - always: on a standard tape too.
  public func recomputing(
    _ inputs: [Tensor], whole: Bool = true, always: Bool = false, _ body: @escaping (Tape, [Tensor]) -> Tensor
  ) -> Tensor {
    guard whole, memory == .lean || always, recording else { return body(self, inputs) }
    let quiet = Tape(recording: false, profile: profile)
    quiet.isRepeating = isRepeating
    let output = body(quiet, inputs.map(\.detached)).compacted, parameters = quiet.parametersOfSkippedRecords
    guard needsGradient(inputs, parameters) else { return output }
    let result = marked(output)
    let pullback = Pullback.taking { gradient in
      let again = Tape(memory: always ? self.memory : .standard, profile: self.profile)
      (again.isRepeating, again.skipsEnds) = (true, !always)
      let copies = inputs.map { input -> Tensor in
        guard input.slot != nil else { return input.detached }
        // What others found for the input goes in first, so that the sum has the association that it has on a standard tape.
        let copy = again.variable(input.detached)
        if let found = self.takeGradient(of: input) { again.accumulate(found, for: copy) }
        return copy
      }
      guard let slot = body(again, copies).slot else { return }
      again.gradients[slot] = gradient.map(Gradient.tensor) ?? .none
      gradient = nil
      again.backward(from: [])
      for (input, copy) in zip(inputs, copies) {
        if let gradient = again.takeGradient(of: copy) { self.accumulate(gradient, for: input) }
      }
    }
    append(Record(operation: "recomputed", output: result.slot!, parameters: parameters, pullback: pullback, backward: nil))
    return result
  }

  /// Appends an operation whose output is one number; `pullback` receives the derivative of the objective by it.
  public func recordScalar(
    _ operation: String, inputs: [Tensor], value: Double, pullback: @escaping (Double) -> Void
  ) -> Scalar {
    let backward = profile?.addForward(operation, inputs: inputs, parameters: [], output: [1], operations: 0, pass: .forward)
    guard needsGradient(inputs, []) else { return Scalar(constant: value) }
    gradients.append(.none)
    append(
      Record(operation: operation, output: gradients.count - 1, parameters: [], pullback: .scalar(pullback), backward: backward))
    return Scalar(value: value, slot: gradients.count - 1)
  }

  private func needsGradient(_ inputs: [Tensor], _ parameters: [Parameter]) -> Bool {
    recording && (!parameters.isEmpty || inputs.contains { $0.slot != nil })
  }

  private func marked(_ value: Tensor) -> Tensor {
    var result = value
    gradients.append(.none)
    result.slot = gradients.count - 1
    return result
  }

  private func append(_ record: Record) {
    for parameter in record.parameters { pendingUses[ObjectIdentifier(parameter), default: 0] += 1 }
    records.append(record)
  }

  // MARK: Gradients

  /// Adds `gradient`, a tensor that nobody else holds, to the gradient of `value`.
  public func accumulate(_ gradient: Tensor, for value: Tensor) { accumulate(gradient, at: value.place) }

  /// Adds `gradient` as `accumulate(_:for:)` does, for pullbacks that do not read the value and so need not keep its memory.
  public func accumulate(_ gradient: Tensor, at place: GradientPlace) {
    guard let slot = place.slot else { return }
    require(
      gradient.shape == place.shape, "accumulate: a gradient of shape \(gradient.shape) for a value of shape \(place.shape).")
    if case .tensor(let sum) = gradients[slot] {
      add(gradient.pointer, to: sum.pointer, count: sum.count)
    } else {
      gradients[slot] = .tensor(gradient)
    }
  }

  /// The gradient that `backward` left at a `variable`.
  public func gradient(of value: Tensor) -> Tensor? {
    guard let slot = value.slot, case .tensor(let gradient) = gradients[slot] else { return nil }
    return gradient
  }

  /// Returns `gradient(of:)` and forgets it, so that the next backward pass begins at zero.
  public func takeGradient(of value: Tensor) -> Tensor? { value.slot.flatMap(takeTensor) }

  // MARK: The backward pass

  /// Whether the backward pass to come can add to the gradient of a parameter: if so, `onReady` names it.
  public func uses(_ parameter: Parameter) -> Bool { pendingUses[ObjectIdentifier(parameter)] != nil }

  /// Runs the backward pass from weighted scalars; parameter gradients are added to `Parameter.gradient`.
  /// - Parameters:
  ///   - keepRecords: leave the tape whole, for the backward pass of another term; memory is not released.
  ///   - value: where it was made the pass ends, and `gradient(of:)` has its gradient; nil goes on to the beginning.
  ///   - onReady: called once for each parameter, as soon as no further record can add to its gradient.
  public func backward(
    from terms: [(Scalar, weight: Double)], keepRecords: Bool = false, to value: Tensor? = nil,
    onReady: (Parameter) -> Void = { _ in }
  ) {
    for (term, weight) in terms {
      guard let slot = term.slot, weight != 0 else { continue }
      if case .scalar(let sum) = gradients[slot] {
        gradients[slot] = .scalar(sum + weight)
      } else {
        gradients[slot] = .scalar(weight)
      }
    }
    keepsRecords = keepRecords
    var uses = pendingUses
    for index in records.indices.reversed() {
      guard let record = records[index] else { continue }
      if let end = value?.slot, end == record.output { break }
      run(record)
      if !keepRecords { records[index] = nil }
      for parameter in record.parameters {
        uses[ObjectIdentifier(parameter)]! -= 1
        if uses[ObjectIdentifier(parameter)] == 0 { onReady(parameter) }
      }
    }
    if !keepRecords {
      records = []
      pendingUses = [:]
    }
  }

  /// Hands a record the gradient of its output, if anything that was asked for depends on it.
  private func run(_ record: Record) {
    switch record.pullback {
    case .tensor(let pullback):
      guard let gradient = takeTensor(at: record.output) else { return }
      pullback(gradient)
    case .taking(let pullback):
      var gradient = takeTensor(at: record.output)
      if gradient != nil { pullback(&gradient) }
    case .scalar(let pullback):
      guard case .scalar(let gradient) = gradients[record.output] else { return }
      gradients[record.output] = .none
      pullback(gradient)
    }
    record.backward.map { profile?.add($0) }
  }

  private func takeTensor(at slot: Int) -> Tensor? {
    defer { gradients[slot] = .none }
    guard case .tensor(let gradient) = gradients[slot] else { return nil }
    return gradient
  }
}
