// Where a step's time goes: calls, seconds, floating-point operations and bytes by operation, shapes and pass. A profile given to a tape is
// informed of every operation as it ends. The time since the event before is its time, so that the entries add up to all that
// passed.

/// Counts what the tapes that share it do.
public final class Profile {
  public enum Pass: String, Sendable, Encodable {
    case forward, backward
    /// A forward pass for the second time, on a lean tape.
    case recomputed
    /// The optimiser and other work between two steps.
    case update
  }

  /// What is counted apart.
  public struct Kind: Hashable, Sendable {
    public let operation: String
    /// Inputs and output, for example `48x48x48x16 + 48x48x48x32 > 48x48x48x16`.
    public let shapes: String
    public let pass: Pass

    public init(operation: String, shapes: String, pass: Pass) {
      (self.operation, self.shapes, self.pass) = (operation, shapes, pass)
    }
  }

  /// What one call must do at least.
  struct Cost {
    let kind: Kind
    let operations: Double
    let bytes: Double
  }

  /// All calls of one kind.
  public struct Entry: Sendable {
    public let kind: Kind
    public internal(set) var calls = 0
    public internal(set) var seconds = 0.0
    /// Floating-point operations of convolutions and matrix products, a multiply and an add counting two, as the layer is defined.
    public internal(set) var operations = 0.0
    /// Bytes of the inputs, parameters and outputs, each touched once.
    public internal(set) var bytes = 0.0
  }

  /// In the order of first appearance.
  public private(set) var entries: [Entry] = []
  private var places: [Kind: Int] = [:]
  private var last = ContinuousClock.now

  public init() {}

  /// Begins to count time: what passed since the last event belongs to no operation.
  public func start() { last = .now }

  /// An event outside the tape, which touched `bytes` since the last one.
  public func addUpdate(_ operation: String, bytes: Int) {
    add(Cost(kind: Kind(operation: operation, shapes: "", pass: .update), operations: 0, bytes: Double(bytes)))
  }

  /// Counts the forward pass of an operation.
  /// - Returns: the cost of its backward pass: as much for the weights' gradient, and as much for the inputs' where one is wanted.
  func addForward(_ operation: String, inputs: [Tensor], parameters: [Parameter], output: Shape, operations: Double, pass: Pass)
    -> Cost
  {
    let shapes = inputs.map { $0.shape.profileText }.joined(separator: " + ") + " > " + output.profileText
    let floats = inputs.reduce(0) { $0 + $1.count } + parameters.reduce(0) { $0 + $1.shape.count } + output.count
    let bytes = Double(floats * MemoryLayout<Float>.stride)
    add(Cost(kind: Kind(operation: operation, shapes: shapes, pass: pass), operations: operations, bytes: bytes))
    let passes = Double((parameters.allSatisfy(\.isFrozen) ? 0 : 1) + (inputs.contains { $0.slot != nil } ? 1 : 0))
    return Cost(
      kind: Kind(operation: operation, shapes: shapes, pass: .backward), operations: passes * operations,
      bytes: (operations > 0 ? passes : 1) * bytes)
  }

  /// Counts a call that ends now.
  func add(_ cost: Cost) {
    let now = ContinuousClock.now
    let place = places[cost.kind] ?? entries.count
    if place == entries.count {
      places[cost.kind] = place
      entries.append(Entry(kind: cost.kind))
    }
    entries[place].calls += 1
    entries[place].seconds += (now - last) / .seconds(1)
    entries[place].operations += cost.operations
    entries[place].bytes += cost.bytes
    last = now
  }
}

extension Shape {
  /// Sizes with x between them, without a batch of one.
  fileprivate var profileText: String {
    (rank > 1 && sizes[0] == 1 ? sizes.dropFirst() : sizes[...]).map(String.init).joined(separator: "x")
  }
}
