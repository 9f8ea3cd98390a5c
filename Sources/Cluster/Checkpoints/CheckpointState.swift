// What a checkpoint holds in memory: flat vectors, where each tensor lies in them, and the facts needed to go on. P parameters.

/// The place of a tensor in one of the flat vectors.
public struct CheckpointTensor: Codable, Sendable, Hashable {
  public var name: String
  /// The vector's name.
  public var vector: String
  public var shape: [Int]
  /// The first element, and how many.
  public var offset: Int
  public var count: Int

  public init(name: String, vector: String, shape: [Int], offset: Int, count: Int) {
    (self.name, self.vector, self.shape, self.offset, self.count) = (name, vector, shape, offset, count)
  }
}

/// The state of a run between two steps; every rank holds the whole of it.
public struct CheckpointState: Sendable {
  /// Steps done.
  public var step: Int
  /// "student", "momentum", "teacher" and so on, each [P]; none may be empty.
  public var vectors: [(name: String, values: [Float])]
  /// The vectors that were read to where the caller wanted them, and are not among `vectors`.
  public internal(set) var placed: Set<String> = []
  public var index: [CheckpointTensor]
  /// The run configuration, the network and its options, the schedule, seeds, threads for each rank: all texts.
  public var metadata: [String: String]

  public init(
    step: Int, vectors: [(name: String, values: [Float])], index: [CheckpointTensor] = [], metadata: [String: String] = [:]
  ) {
    (self.step, self.vectors, self.index, self.metadata) = (step, vectors, index, metadata)
  }

  /// The vector called `name`.
  public subscript(name: String) -> [Float]? { vectors.first { $0.name == name }?.values }
}

/// The memory for the values of vectors, by the vectors' names. It must outlive the call that reads a checkpoint.
public typealias VectorPlaces = [String: UnsafeMutableBufferPointer<Float>]

/// Chooses the places for a checkpoint by its metadata, before its vectors are read.
public typealias ChoosePlaces = (_ metadata: [String: String]) -> VectorPlaces

/// No places: all vectors are read to arrays.
public func noPlaces(_: [String: String]) -> VectorPlaces { [:] }

/// A committed checkpoint on disk.
public struct CheckpointRecord: Codable, Sendable, Hashable {
  public var step: Int
  /// The step's folder.
  public var path: String
  public var bytes: Int
  /// ISO 8601, UTC.
  public var created: String
}

/// The description of a checkpoint, read without its vectors.
public struct CheckpointSummary: Codable, Sendable {
  public var record: CheckpointRecord
  public var writerRanks: Int
  /// Elements of each vector.
  public var vectors: [String: Int]
  public var index: [CheckpointTensor]
  public var metadata: [String: String]
}
