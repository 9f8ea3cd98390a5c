// A first run file for somebody's prepared data: patch, lanes, steps and method by what the data are, each with its reason beside it.

import Registration
import Volumes

/// What `cohort new` proposes for a folder of packs.
public struct RunSuggestion: Sendable {
  /// Depth, height and width in voxels, divisible by `divisor`.
  public let patch: [Int]
  public let lanes: Int
  public let steps: Int
  /// Crops of a lane in each step.
  public let samplesPerLane: Int
  public let channels, classes: Int
  /// The network and its options.
  public let network = "unet3d", options = ["base": "16"]

  private let data: String, name: String
  private let index: PackIndex
  private let labelled, unlabelled, test: Int
  /// The median case, voxels.
  private let median: [Int]

  /// The stride of the network, voxels.
  private static let divisor = 16
  /// Voxels of the largest patch: 96 x 96 x 48, whose step takes seconds on a few cores and below 4 GB.
  private static let mostVoxels = 442_368
  /// From so many labelled cases on a fold is held out; below, each is worth more as an example.
  private static let fewestToHoldOut = 10

  /// - Parameters:
  ///   - data: the folder of packs.
  ///   - ranks: that will train.
  /// Error: no labelled case.
  public init(_ index: PackIndex, data: String, ranks: Int) throws(TrainingError) {
    func count(_ role: CaseRole) -> Int { index.entries.filter { $0.role == role }.count }
    (self.index, self.data) = (index, data)
    (labelled, unlabelled, test) = (count(.labelled), count(.unlabelled), count(.test))
    guard labelled > 0 else {
      throw TrainingError(
        "\(data) has no labelled case, and nothing can be learnt without one: put a label into labelsTr and prepare again.")
    }
    let training = index.entries.filter { $0.role != .test }
    median = (0..<3).map { axis in training.map { $0.extent[axis] }.sorted()[training.count / 2] }
    patch = Self.patch(of: median)
    (channels, classes) = (index.channelNames.count, index.classNames.count)
    lanes = (ranks + 1) / ranks * ranks
    samplesPerLane = unlabelled > 0 ? 2 : 1
    steps = unlabelled > 0 ? 2000 : 4000
    name = Self.name(of: data)
  }

  /// The median case, rounded to the network's stride, shrunk along its longest side until it is small enough.
  private static func patch(of median: [Int]) -> [Int] {
    var patch = median.map { max(1, ($0 + divisor / 2) / divisor) * divisor }
    while patch.reduce(1, *) > mostVoxels {
      // The side that covers most of the case goes first, as in nnU-Net; of equals the longest.
      let axis = (0..<3).filter { patch[$0] > 2 * divisor }.max {
        let (a, b) = (Double(patch[$0]) / Double(median[$0]), Double(patch[$1]) / Double(median[$1]))
        return a == b ? patch[$0] < patch[$1] : a < b
      }!
      patch[axis] -= divisor
    }
    if patch.allSatisfy({ $0 == divisor }) { patch[2] += divisor }
    return patch
  }

  /// "heart" for heart-packs.
  public static func name(of data: String) -> String {
    let last = data.split(separator: "/").last.map(String.init) ?? "run"
    return last.hasSuffix("-packs") && last.count > 6 ? String(last.dropLast(6)) : last
  }

  /// Unlabelled volumes by way of which labels go as well.
  private var templates: Int { labelled < 5 ? 6 : 0 }

  /// Registrations before the first step: a pass over the unlabelled volumes, and another with templates.
  public var registrations: Int {
    let second = templates > 0 ? Propagation.registrations(atlases: labelled, templates: templates) : 0
    return unlabelled * (Propagation.registrations(atlases: labelled) + second)
  }

  private var hasSides: Bool {
    index.classNames.contains { name in
      let words = name.lowercased().split { !$0.isLetter }
      return words.contains("left") || words.contains("right") || words.contains("l") || words.contains("r")
    }
  }

  private var holdsOut: Bool { labelled >= Self.fewestToHoldOut }

  /// The run file.
  /// - Parameter cost: what a step and the run are expected to take, a line for people each.
  public func text(cost: [String]) -> String {
    let voxels = index.entries.first.map { "\($0.spacing)" } ?? ""
    let sides = median.map(String.init).joined(separator: "x")
    let head =
      [
        "\(labelled) labelled, \(unlabelled) unlabelled and \(test) test cases, the median one \(sides) voxels of \(voxels); written by `cohort new`.",
        "Every key: `cohort recipes keys`. Any of them may also be given behind the file: `cohort train FILE steps=500`.",
      ] + cost
    return (head.map { "# \($0)" } + (places + learning + course).map(\.text)).joined(separator: "\n") + "\n"
  }

  /// A key with its value and the reason for it.
  private struct Line {
    let setting: String, reason: String
    init(_ setting: String, _ reason: String) { (self.setting, self.reason) = (setting, reason) }
    var text: String { setting + String(repeating: " ", count: max(1, 40 - setting.count)) + "# " + reason }
  }

  private var places: [Line] {
    [
      Line("data: \(data)", "what `cohort prepare` wrote"),
      Line("output: runs/\(name)", "checkpoints, metrics and logs; the same folder continues the run"),
    ]
  }

  private var learning: [Line] {
    [Line("method: supervised", "on the labelled cases; `cohort methods` lists others, which the next keys go with as well")]
      + carried + [
        Line(
          "network: {name: \(network), base: \(options["base"]!)}",
          "base: channels of the first level; memory and time grow with it"),
        Line("patch: \(patch)", "depth, height, width in voxels, divisible by \(Self.divisor)"), augmentation,
        Line("optimizer: {learningRate: 0.1}", "falls to 0 over the steps"),
      ]
  }

  /// Labels that registration carries to the unlabelled cases.
  private var carried: [Line] {
    guard unlabelled > 0 else {
      return [
        Line(
          "pseudoLabels: none",
          "no unlabelled cases to learn from; nnU-Net's own training: `cohort plan`, `cohort recipes nnunet`")
      ]
    }
    let ways = Line(
      "registration: {templates: \(templates)}",
      "labels also go by way of six unlabelled cases; 0 takes a fifth of the time before the first step")
    return [
      Line(
        "pseudoLabels: registration",
        "and on labels that registration carries to the unlabelled cases, once, before the first step")
    ]
      + (templates > 0 ? [ways] : [])
  }

  private var augmentation: Line {
    hasSides
      ? Line(
        "augmentation: {kind: none, bias: paper}",
        "random bias fields; left and right are different classes here, so nothing is mirrored")
      : Line(
        "augmentation: {kind: flip, axes: [W], bias: paper}",
        "mirrors left and right, and random bias fields; add H and D where front and back, top and bottom may be exchanged")
  }

  private var course: [Line] {
    let validation =
      holdsOut
      ? Line(
        "validation: {fold: 0, every: \(steps / 10)}",
        "a fifth of the labelled cases is kept out of training; the best checkpoint on them is runs/\(name)/best")
      : Line("validation: {every: \(steps / 4)}", "with so few labels none is held out: these are scores of the training cases")
    return [
      Line("steps: \(steps)", "more steps, better results, to a point: watch the validation"),
      Line(
        "lanes: \(lanes)", "crops of a step are drawn in lanes, shared out over the ranks; results depend on lanes, not on ranks"),
      validation, Line("checkpoint: {every: \(steps / 10)}", "a run that was killed goes on at the last one"),
    ]
  }
}
