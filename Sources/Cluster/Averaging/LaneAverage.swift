// The average over all lanes of what each lane left in the gradients of a parameter set, bucket by bucket. P parameters in one flat
// vector.

import Learning
import MPI
import Tensors

/// A parameter set, the average of its gradients, and how much of this rank's last lane has been added.
public final class LaneAverage {
  public let source: ParameterSet
  public let averager: any GradientAverager
  /// [P]
  public let average: Tensor
  package let plan: BucketPlan
  private let bucketOfParameter: [ObjectIdentifier: Int]
  /// For each bucket, how many of its gradients are still to come from the last lane; nil once the bucket is added.
  private var missing: [Int?] = []
  private(set) var lanes = 1
  private var isAlone = false

  /// - Parameter share: of the parameters, where these stand for more of them (`BucketPlan`).
  public init(_ source: ParameterSet, averager: any GradientAverager.Type, share: Double = 1) {
    self.source = source
    self.averager = averager.init(parameterCount: source.count)
    average = Tensor(zeros: [source.count])
    let plan = BucketPlan(counts: source.parameters.map(\.shape.count), share: share)
    self.plan = plan
    bucketOfParameter = Dictionary(
      uniqueKeysWithValues: plan.arrays.enumerated().flatMap { bucket, arrays in
        source.parameters[arrays].map { (ObjectIdentifier($0), bucket) }
      })
  }

  /// What all ranks must plan alike.
  public var planText: String { "\(source.count) parameters, buckets \(plan.buckets)" }

  /// Before the first lane of a step.
  /// - Parameters:
  ///   - lanes: of all ranks.
  ///   - isAlone: there is no other rank: the last lane is added and the mean taken at once.
  public func begin(lanes: Int, isAlone: Bool = false) {
    averager.begin()
    missing = plan.arrays.map(\.count)
    (self.lanes, self.isAlone) = (lanes, isAlone)
  }

  /// After a lane: adds its gradients.
  public func addLane() { averager.add(gradients(0..<source.count), at: 0..<source.count) }

  /// After the last lane: all the rest at once. Collective.
  public func finish(over communicator: borrowing Communicator) throws(ClusterError) -> AveragingOutcome {
    try averager.finish(
      into: UnsafeMutableBufferPointer(start: average.pointer, count: average.count), lanes: lanes, over: communicator)
  }

  /// Takes the mean over all lanes of a bucket that is reduced. May run on another thread.
  func takeMean(ofBucket bucket: Int) {
    let range = plan.buckets[bucket]
    averager.mean(of: range, lanes: lanes, into: average.pointer + range.lowerBound)
  }

  // MARK: The last lane

  /// Whether a bucket holds all lanes of this rank.
  func isAdded(_ bucket: Int) -> Bool { missing[bucket] == nil }

  /// A gradient of the last lane is complete: adds its bucket if it was the last one to come.
  /// - Returns: whether the parameter is one of this set.
  func note(_ parameter: Parameter) -> Bool {
    guard let bucket = bucketOfParameter[ObjectIdentifier(parameter)] else { return false }
    guard let left = missing[bucket] else { fatalError("the gradient of \(parameter.name) was called complete twice") }
    missing[bucket] = left - 1
    if left == 1 { addBucket(bucket) }
    return true
  }

  /// The walk to come leaves the gradients of other parameters as they are: networks keep biases that a normalisation makes idle.
  func noteUnused(by tape: Tape) {
    for parameter in source.parameters where !tape.uses(parameter) { _ = note(parameter) }
  }

  /// All gradients of the last lane are complete.
  func addRest() {
    for bucket in plan.buckets.indices where !isAdded(bucket) { addBucket(bucket) }
  }

  private func addBucket(_ bucket: Int) {
    let range = plan.buckets[bucket]
    if isAlone {
      averager.addLast(gradients(range), at: range, lanes: lanes, into: average.pointer + range.lowerBound)
    } else {
      averager.add(gradients(range), at: range)
    }
    missing[bucket] = nil
  }

  private func gradients(_ range: Range<Int>) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: source.gradients.pointer + range.lowerBound, count: range.count)
  }
}
