// The order of a study: each repeat visits all points once, in a random order of its own, so that slow changes of the machine
// spread over all of them and an interrupted study has about as many repeats of each.

import Cluster
import Foundation
import Kernels
import Tensors
import Training
import Volumes

extension Study {
  /// All points in the order in which they are measured; a function of the seed.
  public var order: [StudyPoint] {
    (1...self.repeats).flatMap { repetition in
      permuted(
        points(repetition),
        key: RandomKey(seed: self.seed, volume: "study", draw: UInt64(repetition), stream: RandomStream.dataOrder))
    }
  }

  private func points(_ repetition: Int) -> [StudyPoint] {
    func points(_ kind: StudyPoint.Kind, _ lanes: (_ ranks: Int) -> Int) -> [StudyPoint] {
      self.nodes.map { nodes in
        let ranks = nodes * self.ranksPerNode
        return StudyPoint(kind: kind, nodes: nodes, ranks: ranks, lanes: lanes(ranks), repetition: repetition)
      }
    }
    let strong = self.strongLanes > 0 ? points(.strong) { _ in self.strongLanes } : []
    let weak = self.weakLanesPerRank > 0 ? points(.weak) { $0 * self.weakLanesPerRank } : []
    // One rank has nobody to talk to.
    let allreduce = self.allreduceSizes.isEmpty ? [] : points(.allreduce) { _ in 0 }.filter { $0.ranks > 1 }
    return strong + weak + allreduce
  }

  /// Hash of everything that a measurement depends on: more nodes or repeats continue a study, other settings begin another.
  public func settingsHash() throws -> String {
    let runFile = self.runFile ?? ""
    var settings = [
      "\(self.strongLanes) \(self.weakLanesPerRank) \(self.allreduceSizes) \(self.launcher) \(self.arguments) \(self.ranksPerNode)"
        + " \(self.threads) \(self.warmup) \(self.steps)",
      "\(self.compute) \(self.averagedValues) \(self.dilation) \(self.checkpointEvery) \(runFile) \(self.overrides)"
        + " \(self.hostfile ?? "")" + (self.stage.map { " stage \($0)" } ?? ""),
    ]
    if case .replay(let file) = self.compute {
      settings.append(try fileHash(file))
    } else {
      settings.append(try fileHash(runFile))
    }
    return textHash(settings.joined(separator: "\n"))
  }

  /// How long the points will take, seconds, by what has been measured; a rehearsal's by its trace. `unknown` points have neither.
  public func expectedSeconds(_ points: [StudyPoint], measured: [Measurement]) throws -> (seconds: Double, unknown: Int) {
    var lane: Double?
    if case .replay(let file) = self.compute { lane = try LaneTrace(path: file).medianLane * self.dilation }
    var seconds = 0.0, unknown = 0
    for point in points {
      let alike = measured.filter { $0.point.kind == point.kind }
      let same = alike.filter { $0.point.nodes == point.nodes }.map(\.seconds)
      if !same.isEmpty {
        seconds += median(same)
      } else if let lane, point.kind != .allreduce {
        seconds += startSeconds + Double(self.warmup + self.steps) * Double(point.lanesOfBusiestRank) * lane
      } else if !alike.isEmpty {
        seconds += median(alike.map(\.seconds))
      } else if point.kind == .allreduce {
        seconds += startSeconds
      } else {
        unknown += 1
      }
    }
    return (seconds, unknown)
  }

  /// The time that the launcher and MPI take to start, about, seconds.
  private var startSeconds: Double { 2 }
}
