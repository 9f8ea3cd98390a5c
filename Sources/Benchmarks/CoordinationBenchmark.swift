// What many ranks cost: the same training steps without and with everything that Cluster adds to them (averaging bucket by bucket,
// control word, comparison of replicas), in turn. On one rank that is the price of coordination, on several what of the
// communication the backward pass hides, and how much faster they are than one of them.

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
  /// Micro-batches of each rank in a step.
  public let lanes: Int
  public let threads: Int
  public let parameters: Int
  public let reduction: String
  /// Rounds of one step of each kind that count. All times are medians over them, seconds, of the slowest rank.
  public let steps: Int
  /// A step of all ranks at once, each without the others, seconds.
  public let plainSeconds: Double
  public let coordinatedSeconds: Double
  /// A plain step of the first rank while the others sleep. Nil on one rank, as the two that follow.
  public let aloneSeconds: Double?
  /// How many times as many samples all ranks take in the same time as the first rank alone: coordinated, and plain, which is what
  /// the machine could give. Medians of what the steps of one round give.
  public let speedUp: Double?
  public let plainSpeedUp: Double?
  /// `differenceSeconds` as a share of the plain step.
  public let costShare: Double
  /// The excess of a coordinated step over the plain one of its round, and the 95 % interval of this median, seconds.
  public let differenceSeconds: Double
  public let differenceLow: Double
  public let differenceHigh: Double
  /// The backward pass of the last lane, seconds.
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
      "\(ranks) ranks with \(lanes) lanes and \(threads) threads each; medians of \(steps) rounds",
      String(format: "plain step %.4f s, coordinated %.4f s", plainSeconds, coordinatedSeconds),
      String(
        format: "in a round the latter is longer by %.4f s (%+.2f %%), 95 %% interval %.4f to %.4f s", differenceSeconds,
        100 * costShare, differenceLow, differenceHigh),
      String(format: "%.3f samples/s; processor time %.3f of the plain steps'", samplesPerSecond, processorShare),
    ]
    if let hiddenShare {
      lines.append(
        String(
          format: "backward %.4f s, communication %.4f s, of which exposed %.4f s: %.1f %% hidden", backwardSeconds,
          communicationSeconds, exposedSeconds, 100 * hiddenShare))
    }
    if let aloneSeconds, let speedUp, let plainSpeedUp {
      lines.append(
        String(
          format: "the first rank alone %.4f s: all together are %.3f times as fast, plain steps %.3f times", aloneSeconds,
          speedUp, plainSpeedUp))
    }
    return lines.joined(separator: "\n")
  }
}

/// Runs the plan, whose batch is the lanes of each rank. Collective. Sets the threads of the process.
public func measureCoordination(
  _ plan: StepPlan, reduction: any GradientAverager.Type, ranksOnHost: Int, over world: borrowing Communicator
) throws -> CoordinationResult {
  Threads.set(plan.threads)
  let benchmark = try BenchmarkStep.fitting(plan, ranksOnHost: ranksOnHost).benchmark
  let steps = try CoordinatedSteps(benchmark, plan, reduction, over: world)
  var rounds: [CoordinationRound] = []
  for number in 0..<plan.warmup + plan.steps {
    let round = try CoordinationRound(number, benchmark, plan, steps, over: world)
    if number >= plan.warmup { rounds.append(round) }
  }
  try steps.close()
  func middle(_ value: (CoordinationRound) -> Double) -> Double { median(rounds.map(value)) }
  let ranks = Double(world.size), isShared = world.size > 1
  let differences = rounds.map { $0.coordinated.seconds - $0.plain.seconds }, interval = medianInterval(differences)
  let plain = middle { $0.plain.seconds }, coordinated = middle { $0.coordinated.seconds }
  return CoordinationResult(
    network: plan.network, patch: plan.patch, ranks: world.size, lanes: plan.batch, threads: plan.threads,
    parameters: benchmark.network.parameters.count, reduction: reduction.name, steps: plan.steps, plainSeconds: plain,
    coordinatedSeconds: coordinated, aloneSeconds: isShared ? middle { $0.alone.seconds } : nil,
    speedUp: isShared ? ranks * middle { $0.alone.seconds / $0.coordinated.seconds } : nil,
    plainSpeedUp: isShared ? ranks * middle { $0.alone.seconds / $0.plain.seconds } : nil,
    costShare: median(differences) / plain, differenceSeconds: median(differences), differenceLow: interval.lowerBound,
    differenceHigh: interval.upperBound, backwardSeconds: middle { $0.backward },
    communicationSeconds: middle { $0.communication }, exposedSeconds: middle { $0.exposed },
    samplesPerSecond: ranks * Double(plan.batch) / coordinated,
    processorShare: rounds.map(\.coordinated.processor).reduce(0, +) / rounds.map(\.plain.processor).reduce(0, +))
}

/// A step of each kind, one right after the other, so that what else runs on the machine disturbs them alike.
private struct CoordinationRound {
  private enum Kind { case plain, coordinated, alone }

  /// Seconds of the slowest rank, processor time of all.
  private(set) var plain = Timed(), coordinated = Timed(), alone = Timed()
  /// Parts of the coordinated step, seconds.
  private(set) var backward = 0.0, communication = 0.0, exposed = 0.0

  /// Runs each kind of step once. Collective.
  init(
    _ number: Int, _ benchmark: BenchmarkStep, _ plan: StepPlan, _ steps: CoordinatedSteps, over world: borrowing Communicator
  ) throws {
    // The first of a pair finds cold caches, so the order alternates.
    let pair: [Kind] = number % 2 == 0 ? [.plain, .coordinated] : [.coordinated, .plain]
    for kind in pair + (world.size > 1 ? [.alone] : []) {
      try world.barrier()
      switch kind {
      case .plain: plain = Timed { _ = benchmark.run(number, plan.memory, profile: nil) }
      case .coordinated: coordinated = try Timed { try steps.take(number, over: world) }
      case .alone: if world.rank == 0 { alone = Timed { _ = benchmark.run(number, plan.memory, profile: nil) } }
      }
    }
    for timed in [\Self.plain, \.coordinated, \.alone] {
      self[keyPath: timed].seconds = try world.allreduce(self[keyPath: timed].seconds, .maximum)
      self[keyPath: timed].processor = try world.allreduce(self[keyPath: timed].processor, .sum)
    }
    backward = try world.allreduce(steps.last.backward, .maximum)
    communication = try world.allreduce(steps.last.times.communication, .maximum)
    exposed = try world.allreduce(steps.last.times.exposed, .maximum)
  }
}

/// Steps as the training loop takes them.
private final class CoordinatedSteps {
  private let benchmark: BenchmarkStep
  private let memory: TapeMemory
  private let average: LaneAverage
  private let coordinated: CoordinatedStep
  private(set) var last = (backward: 0.0, times: CommunicationTimes())

  init(
    _ benchmark: BenchmarkStep, _ plan: StepPlan, _ reduction: any GradientAverager.Type, over world: borrowing Communicator
  ) throws {
    self.benchmark = benchmark
    memory = plan.memory
    average = LaneAverage(benchmark.network.parameters, averager: reduction)
    coordinated = try CoordinatedStep(laneCount: benchmark.images.count * world.size, over: world)
  }

  func take(_ step: Int, over world: borrowing Communicator) throws {
    let isCompared = step % 50 == 0 && world.size > 1
    let outcome = try coordinated.take(
      [average], step: step, over: world, stateHash: isCompared ? { self.stateHash } : nil
    ) { pass in
      benchmark.network.parameters.clearGradients()
      let tape = Tape(memory: memory)
      let terms = benchmark.terms(pass.lane - coordinated.lanes.lowerBound, at: step, share: 1, on: tape)
      pass.backward(tape, from: terms)
      return [terms[0].0.value + terms[1].0.value, terms[0].0.value, terms[1].0.value]
    }
    last.backward = coordinated.times.spans.last { $0.part == .backward }.map { $0.end - $0.start } ?? 0
    last.times = outcome.summary.times[world.rank].communication
    benchmark.optimizer.step(learningRate: 0.01, gradients: average.average)
  }

  func close() throws { try coordinated.close() }

  private var stateHash: UInt64 {
    var hash = StateHash()
    for tensor in [benchmark.network.parameters.values, benchmark.optimizer.momentumBuffer] {
      hash.add(UnsafeBufferPointer(start: tensor.pointer, count: tensor.count))
    }
    return hash.value
  }
}

/// How long something took this process.
private struct Timed {
  var seconds = 0.0
  /// Processor time of all threads, seconds.
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
