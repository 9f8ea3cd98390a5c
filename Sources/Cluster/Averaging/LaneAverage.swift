// The average over all lanes of what each lane left in the gradients of a parameter set, bucket by bucket. P parameters in one flat vector.

import Learning
import MPI
import Tensors

/// A parameter set, the average of its gradients, and how much of this rank's last lane has been added.
public final class LaneAverage {
  public let source: ParameterSet
  public let averager: any GradientAverager
  /// [P]
  public let average: Tensor
  let plan: BucketPlan
  private let bucketOfParameter: [ObjectIdentifier: Int]
  /// For each bucket, how many of its gradients are still to come from the last lane; nil once the bucket is added.
  private var missing: [Int?] = []

  public init(_ source: ParameterSet, averager: any GradientAverager.Type) {
    self.source = source
    self.averager = averager.init(parameterCount: source.count)
    average = Tensor(zeros: [source.count])
    let plan = BucketPlan(counts: source.parameters.map(\.shape.count))
    self.plan = plan
    bucketOfParameter = Dictionary(
      uniqueKeysWithValues: plan.arrays.enumerated().flatMap { bucket, arrays in
        source.parameters[arrays].map { (ObjectIdentifier($0), bucket) }
      })
  }

  /// What all ranks must plan alike.
  public var planText: String { "\(source.count) parameters, buckets \(plan.buckets)" }

  /// Before the first lane of a step.
  public func begin() {
    averager.begin()
    missing = plan.arrays.map(\.count)
  }

  /// After a lane: adds its gradients.
  public func addLane() { add(0..<source.count) }

  /// Reduces and settles at once. Collective.
  public func finish(lanes: Int, over communicator: borrowing Communicator) throws(ClusterError) -> AveragingOutcome {
    try averager.finish(into: destination, lanes: lanes, over: communicator)
  }

  func settle(lanes: Int, largestBits: Int32) throws(ClusterError) -> AveragingOutcome {
    try averager.settle(into: destination, lanes: lanes, largestBits: largestBits)
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

  /// All gradients of the last lane are complete, also of parameters that it never used.
  func addRest() {
    for bucket in plan.buckets.indices where !isAdded(bucket) { addBucket(bucket) }
  }

  private func addBucket(_ bucket: Int) {
    add(plan.buckets[bucket])
    missing[bucket] = nil
  }

  private func add(_ range: Range<Int>) {
    let gradients = source.gradients
    withExtendedLifetime(gradients) {
      averager.add(UnsafeBufferPointer(start: gradients.pointer + range.lowerBound, count: range.count), at: range)
    }
  }

  private var destination: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: average.pointer, count: average.count)
  }
}
