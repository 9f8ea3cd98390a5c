// What many ranks cost: the same training steps without and with everything that Cluster adds to them (averaging bucket by bucket,
// control word, comparison of replicas), in turn. On one rank that is the price of coordination, on several what of the
// communication the backward walk hides.

import Cluster
import Foundation
import Kernels
import MPI
import Tensors

/// What `measureCoordination` found; the same on every rank.
public struct CoordinationResult: Encodable, Sendable {
  public let network: String
  /// D, H, W in voxels.
  public let patch: [Int]
  public let ranks: Int
  /// Of each rank.
  public let lanes: Int
  public let threads: Int
  public let parameters: Int
  public let reduction: String
  /// Pairs of steps that count. All times are medians over them, seconds, of the slowest rank.
  public let steps: Int
  public let plainSeconds: Double
  public let coordinatedSeconds: Double
  /// By how much the fastest coordinated step is longer than the fastest plain one, as a share of the latter: what else runs on a machine
  /// only adds, and disturbs a median by more than coordination costs.
  public let costShare: Double
  /// By how much a coordinated step is longer than the plain one beside it, and the 95 % interval of this median, seconds.
  public let differenceSeconds: Double
  public let differenceLow: Double
  public let differenceHigh: Double
  /// Of the last lane.
  public let backwardSeconds: Double
  public let communicationSeconds: Double
  /// The part of it that the ranks had to wait for.
  public let exposedSeconds: Double
  public let samplesPerSecond: Double
  /// Processor time of all ranks, seconds in a coordinated step (a mean), over that of the same lanes in plain steps.
  public let processorShare: Double

  /// What of the communication nobody waited for. Nil on one rank.
  public var hiddenShare: Double? { communicationSeconds > 0 ? 1 - exposedSeconds / communicationSeconds : nil }

  public var text: String {
    var lines = [
      "\(network), patch \(patch.map(String.init).joined(separator: ",")), \(parameters) parameters, reduction \(reduction)",
      "\(ranks) ranks with \(lanes) lanes and \(threads) threads each; medians of \(steps) pairs of steps",
      String(
        format: "plain step %.4f s, coordinated %.4f s; the fastest of each: %+.2f %%", plainSeconds, coordinatedSeconds,
        100 * costShare),
      String(
        format: "a coordinated step is longer than its pair by %.4f s, 95 %% interval %.4f to %.4f s", differenceSeconds,
        differenceLow, differenceHigh),
      String(format: "%.3f samples/s; processor time %.3f of the plain steps'", samplesPerSecond, processorShare),
    ]
    if let hiddenShare {
      lines.append(
        String(
          format: "backward %.4f s, communication %.4f s, of which exposed %.4f s: %.1f %% hidden", backwardSeconds,
          communicationSeconds, exposedSeconds, 100 * hiddenShare))
    }
    return lines.joined(separator: "\n")
  }
}

/// Runs the plan, whose batch is the lanes of each rank. Collective. Sets the threads of the process.
public func measureCoordination(
  _ plan: StepPlan, reduction: any GradientAverager.Type, ranksOnHost: Int, over world: borrowing Communicator
) throws -> CoordinationResult {
  Threads.set(plan.threads)
  let trainer = try Trainer.fitting(plan, ranksOnHost: ranksOnHost).trainer
  let steps = try CoordinatedSteps(trainer, plan, reduction, over: world)
  var samples: [[Double]] = [], work = 0.0, coordinatedWork = 0.0
  for step in 0..<plan.warmup + plan.steps {
    // Whichever comes first finds colder caches: in turn.
    var plain = Timed(), coordinated = Timed()
    for isCoordinated in step % 2 == 0 ? [false, true] : [true, false] {
      try world.barrier()
      if isCoordinated {
        coordinated = try Timed { try steps.take(step, over: world) }
      } else {
        plain = Timed { _ = trainer.step(step, plan.memory, profile: nil) }
      }
    }
    let last = steps.last
    let row = [plain.seconds, coordinated.seconds, last.backward, last.times.communication, last.times.exposed]
    let slowest = try row.map { (value) throws(MPIError) in try world.allreduce(value, .maximum) }
    let processor = try [plain, coordinated].map { (timed) throws(MPIError) in try world.allreduce(timed.processor, .sum) }
    guard step >= plan.warmup else { continue }
    samples.append(slowest)
    work += processor[0]
    coordinatedWork += processor[1]
  }
  try steps.close()
  let medians = (0..<5).map { column in median(samples.map { $0[column] }) }
  let differences = samples.map { $0[1] - $0[0] }, interval = medianInterval(differences)
  return CoordinationResult(
    network: plan.network, patch: plan.patch, ranks: world.size, lanes: plan.batch, threads: plan.threads,
    parameters: trainer.network.parameters.count, reduction: reduction.name, steps: plan.steps, plainSeconds: medians[0],
    coordinatedSeconds: medians[1], costShare: samples.map { $0[1] }.min()! / samples.map { $0[0] }.min()! - 1,
    differenceSeconds: median(differences), differenceLow: interval.lowerBound, differenceHigh: interval.upperBound,
    backwardSeconds: medians[2],
    communicationSeconds: medians[3], exposedSeconds: medians[4],
    samplesPerSecond: Double(world.size * plan.batch) / medians[1], processorShare: coordinatedWork / work)
}

/// Steps as the training loop takes them.
private final class CoordinatedSteps {
  private let trainer: Trainer
  private let memory: TapeMemory
  private let average: LaneAverage
  private let averaging: StepAveraging
  private(set) var last = (backward: 0.0, times: CommunicationTimes())

  init(
    _ trainer: Trainer, _ plan: StepPlan, _ reduction: any GradientAverager.Type, over world: borrowing Communicator
  ) throws {
    self.trainer = trainer
    memory = plan.memory
    average = LaneAverage(trainer.network.parameters, averager: reduction)
    averaging = try StepAveraging(over: world)
  }

  func take(_ step: Int, over world: borrowing Communicator) throws {
    let parameters = trainer.network.parameters, lanes = trainer.images.count
    var word = ControlWord(lanes: lanes * world.size, valuesPerLane: 3)
    if step % 50 == 0, world.size > 1 { word.replicaHash = stateHash }
    averaging.begin([average], lanes: lanes * world.size)
    for sample in 0..<lanes {
      parameters.clearGradients()
      let tape = Tape(memory: memory), isLast = sample == lanes - 1
      let terms = trainer.terms(sample, at: step, share: 1, on: tape)
      word.set([terms[0].0.value + terms[1].0.value, terms[0].0.value, terms[1].0.value], lane: world.rank * lanes + sample)
      if isLast { averaging.beginWalk(of: tape) }
      last.backward = Timed { tape.backward(from: terms) { if isLast { averaging.note($0) } } }.seconds
      if isLast { averaging.addLastLane() } else { averaging.addLane() }
    }
    last.times = try averaging.wait()
    word.times.communication = last.times
    word.largestBits = averaging.largestBits
    let summary = try word.exchange(over: world)
    guard dissentingRanks(summary.replicaHashes).isEmpty else {
      throw ClusterError("the ranks disagree: test the hosts' memory.")
    }
    _ = try averaging.judge(largestBits: summary.largestBits)
    trainer.optimizer.step(rate: 0.01, gradients: average.average)
  }

  func close() throws { try averaging.close() }

  private var stateHash: UInt64 {
    var hash = StateHash()
    for tensor in [trainer.network.parameters.values, trainer.optimizer.momenta] {
      hash.add(UnsafeBufferPointer(start: tensor.pointer, count: tensor.count))
    }
    return hash.value
  }
}

/// How long something took this process.
private struct Timed {
  var seconds = 0.0
  /// Of all threads.
  var processor = 0.0

  init() {}

  init(_ body: () throws -> Void) rethrows {
    let before = Self.processorSeconds
    seconds = try ContinuousClock().measure(body) / .seconds(1)
    processor = Self.processorSeconds - before
  }

  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
