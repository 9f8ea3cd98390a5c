// The average over all lanes of what each lane left in the gradients of a parameter set, bucket by bucket. P parameters in one flat
// vector.

import Learning
import MPI
import Tensors

/// A parameter set, the average of its gradients, and how much of this rank's last lane has come.
public final class LaneAverage {
  public let source: ParameterSet
  public let averager: any GradientAverager
  package let plan: BucketPlan
  /// The range of each array in the flat vector.
  private let ranges: [Range<Int>]
  private let arrayOfParameter: [ObjectIdentifier: Int]
  private let bucketOfArray: [Int]
  /// Whether each array's gradient of the last lane has come, and how many of them each bucket still lacks.
  private var hasCome: [Bool] = []
  private var missing: [Int] = []
  /// Whether a lane gave each array a gradient in this step: this rank's lanes, and after the control word those of all ranks.
  public internal(set) var presentArrays: [Bool] = []
  private(set) var lanes = 1
  private var isAlone = false

  /// - Parameter share: of the parameters, where these stand for more of them (`BucketPlan`).
  public init(_ source: ParameterSet, averager: any GradientAverager.Type, share: Double = 1) {
    self.source = source
    self.averager = averager.init(parameterCount: source.count)
    let plan = BucketPlan(counts: source.parameters.map(\.shape.count), share: share)
    self.plan = plan
    var end = 0
    ranges = source.parameters.map { parameter in
      end += parameter.shape.count
      return end - parameter.shape.count..<end
    }
    arrayOfParameter = Dictionary(uniqueKeysWithValues: source.parameters.enumerated().map { (ObjectIdentifier($1), $0) })
    var buckets = [Int](repeating: 0, count: ranges.count)
    for (bucket, arrays) in plan.arrays.enumerated() { for array in arrays { buckets[array] = bucket } }
    bucketOfArray = buckets
  }

  /// What all ranks must plan alike.
  public var planText: String { "\(source.count) parameters, buckets \(plan.buckets)" }

  /// [P]: it takes the place of the gradients of this rank's last lane.
  public var average: Tensor { source.gradients }

  /// Before the first lane of a step.
  /// - Parameters:
  ///   - lanes: of all ranks.
  ///   - isAlone: there is no other rank: a gradient is averaged as soon as it has come, while it is in the cache.
  func begin(lanes: Int, isAlone: Bool = false) {
    averager.begin()
    (hasCome, missing) = (ranges.map { _ in false }, plan.arrays.map(\.count))
    presentArrays = ranges.map { _ in false }
    (self.lanes, self.isAlone) = (lanes, isAlone)
  }

  /// After a lane that is not this rank's last: adds its gradients.
  func addLane() { averager.add(UnsafeBufferPointer(gradients(0..<source.count)), at: 0..<source.count) }

  /// Averages a bucket that is complete over all lanes. Collective. May run on another thread.
  func reduce(bucket: Int, over communicator: borrowing Communicator) throws(MPIError) {
    let range = plan.buckets[bucket]
    try averager.average(gradients(range), at: range, lanes: lanes, over: communicator)
  }

  // MARK: The last lane

  /// Whether all gradients of a bucket have come.
  func isComplete(_ bucket: Int) -> Bool { missing[bucket] == 0 }

  /// Marks a gradient of the last lane as complete.
  /// - Returns: whether the parameter is one of this set.
  func markReady(_ parameter: Parameter) -> Bool {
    guard let array = arrayOfParameter[ObjectIdentifier(parameter)] else { return false }
    guard !hasCome[array] else { fatalError("the gradient of \(parameter.name) was called complete twice") }
    complete(array)
    return true
  }

  /// Marks as complete what the backward pass to come leaves as it is: networks keep biases that a normalisation makes idle.
  func markUnusedReady(by tape: Tape) {
    for parameter in source.parameters where !tape.uses(parameter) { _ = markReady(parameter) }
  }

  /// Remembers which arrays the backward pass to come, of any lane, gives a gradient.
  func markPresent(in tape: Tape) {
    for (array, parameter) in source.parameters.enumerated() where tape.uses(parameter) { presentArrays[array] = true }
  }

  /// All gradients of the last lane are complete.
  func completeRest() {
    for array in ranges.indices where !hasCome[array] { complete(array) }
  }

  private func complete(_ array: Int) {
    if isAlone { averager.average(gradients(ranges[array]), at: ranges[array], lanes: lanes) }
    hasCome[array] = true
    missing[bucketOfArray[array]] -= 1
  }

  private func gradients(_ range: Range<Int>) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: source.gradients.pointer + range.lowerBound, count: range.count)
  }
}
