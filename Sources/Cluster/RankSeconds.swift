// Where a rank's time goes in a step: the three numbers that show who is slow and why.

/// Seconds of one rank in one step.
public struct RankSeconds: Sendable, Equatable {
  /// Reading and cutting volumes.
  public var load = 0.0
  /// Forward and backward of all lanes, with everything around them.
  public var compute = 0.0
  /// Waiting in the gradient average and the control word before it: for other ranks, and for messages that nothing hides.
  public var wait = 0.0

  /// What averaging took, hidden or not.
  public var communication = CommunicationTimes()

  public init(load: Double = 0, compute: Double = 0, wait: Double = 0, communication: CommunicationTimes = CommunicationTimes()) {
    (self.load, self.compute, self.wait, self.communication) = (load, compute, wait, communication)
  }

  /// What the rank did itself.
  public var work: Double { load + compute }

  /// The numbers in the order in which they travel in the control word.
  static let slots = 6
  var row: [Double] { [load, compute, wait, communication.communication, communication.exposed, communication.waited] }
  init(row: ArraySlice<Double>) {
    let values = Array(row)
    self.init(load: values[0], compute: values[1], wait: values[2])
    (communication.communication, communication.exposed, communication.waited) = (values[3], values[4], values[5])
  }
}
