// One stage of a run while it is at work: its settings, its work, and how far it has come.

import Cluster
import Learning
import MPI
import Methods
import Preparation

public final class Stage {
  /// The position in the run's list of stages, from 0.
  public let number: Int
  /// Empty for a run of one stage without a name.
  public let name: String
  public let configuration: RunConfiguration
  public let work: any Work
  /// The steps of all stages before this one.
  public let firstStep: Int
  /// Steps of this stage that are done.
  public internal(set) var stepsDone = 0
  /// The best score of a validation so far, and the moving mean of the scores.
  var best: Double?, smoothed: Double?
  /// The newest decision, and the round it is for.
  private(set) var decision: (round: Int, text: String)?

  init(number: Int, name: String, firstStep: Int, _ configuration: RunConfiguration, work: any Work) {
    (self.number, self.name, self.firstStep) = (number, name, firstStep)
    (self.configuration, self.work) = (configuration, work)
  }

  public var steps: Int { configuration.steps }
  public var isDone: Bool { stepsDone >= steps }
  /// Steps of the run that are done.
  public var runStep: Int { firstStep + stepsDone }

  /// The step to take next. Stages draw from streams of their own.
  public var next: Step { Step(index: stepsDone, total: steps, seed: configuration.seed) }

  /// The score by which the best state is chosen: the moving mean, into which this one is taken (`validation.smoothing`).
  func judged(_ scores: StageScores) -> Double {
    let share = configuration[ValidationKeys.smoothing]
    let mean = smoothed.map { share * $0 + (1 - share) * scores.mean } ?? scores.mean
    smoothed = mean
    return mean
  }

  /// Decides the round that begins with the next step, if one does. Collective.
  func decideRound(over world: borrowing Communicator) throws {
    guard let round = work.round(of: stepsDone), decision?.round != round else { return }
    Flight.mark(.decision, detail: "round \(round)")
    let text = try work.decide(round: round, over: world)
    try requireAlike(text, "the decision for round \(round)", over: world)
    try adopt(text, round: round)
  }

  /// Goes on by a decision that was made now or in an earlier attempt.
  func adopt(_ text: String, round: Int) throws {
    try work.adopt(decision: text, round: round)
    decision = (round, text)
  }
}
