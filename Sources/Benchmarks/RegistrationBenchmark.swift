// Registration, timed and scored: labels of one labelled volume of a data set carried to another one, pair by pair.

import Files
import Foundation
import Kernels
import Registration
import Volumes

/// A pair of volumes and how well the labels of the second fitted the first.
public struct RegisteredPair: Encodable, Sendable {
  /// Identifiers.
  public let fixed, moving: String
  /// Mean Dice over the classes of the fixed volume.
  public let dice: Double
  /// From both images in memory to the labels.
  public let seconds: Double
}

/// What `measureRegistration` found.
public struct RegistrationResult: Encodable, Sendable {
  public let millimetres: Double
  public let threads: Int
  public let machine: Machine
  public let pairs: [RegisteredPair]
  /// Means over the pairs.
  public let dice, seconds: Double

  public var text: String {
    let lines = pairs.map { String(format: "%@ from %@: Dice %.3f, %.2f s", $0.fixed, $0.moving, $0.dice, $0.seconds) }
    return
      (lines + [
        "\(machine.processor), \(machine.processors) processors",
        String(format: "%d pairs at %.2f mm, %d threads: Dice %.4f, %.3f s", pairs.count, millimetres, threads, dice, seconds),
      ]).joined(separator: "\n")
  }
}

/// Registers pairs among every second labelled case of a data set, the second, fourth, ... by name; or one labelled case with so many of these. Sets the
/// threads of the process.
/// - Parameters:
///   - dataset: a folder in nnU-Net's raw layout.
///   - atlas: the case whose labels are carried to the others; nil for many pairs.
///   - millimetres: of the finest grid; 0 takes the one that a run would.
/// Errors: those of reading; fewer than two such cases; no such atlas.
public func measureRegistration(
  dataset: String, atlas: String? = nil, pairs: Int, millimetres: Double, threads: Int
) throws -> RegistrationResult {
  Threads.set(threads)
  let cases = try Dataset.open(dataset).cases.filter { $0.role == .labelled }
  let chosen = cases.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
  guard chosen.count > 1 else {
    throw FileError("\(dataset) has \(cases.count) labelled cases: registration of pairs of every second one takes 4.")
  }
  let grids = try chosen.map { try readVolume($0.images[0]) }.map { ($0.extent, $0.spacing) }
  let registration = Registration(millimetres: millimetres > 0 ? millimetres : Registration.millimetres(for: grids))
  let source = try atlas.map { name in
    guard let found = cases.first(where: { $0.identifier == name }) else {
      throw FileError("\(dataset) has no labelled case \(name): check --atlas.")
    }
    return found
  }
  let found =
    try source.map { source in
      let others = chosen.filter { $0 != source }, count = min(pairs, others.count)
      return try (0..<count).map { try registered(others[$0 * others.count / count], source, registration) }
    }
    ?? (0..<pairs).map { number in
      let first = number % chosen.count, apart = 1 + (number / chosen.count + chosen.count / 3) % (chosen.count - 1)
      return try registered(chosen[first], chosen[(first + apart) % chosen.count], registration)
    }
  func mean(_ value: (RegisteredPair) -> Double) -> Double { found.map(value).reduce(0, +) / Double(found.count) }
  return RegistrationResult(
    millimetres: registration.millimetres, threads: threads, machine: Machine(), pairs: found, dice: mean(\.dice),
    seconds: mean(\.seconds))
}

private func registered(_ fixed: DatasetCase, _ moving: DatasetCase, _ registration: Registration) throws -> RegisteredPair {
  let (still, other) = (try image(fixed), try image(moving)),
    (truth, labels) = (try readLabels(fixed.label!).labels, try readLabels(moving.label!).labels)
  let began = ContinuousClock.now
  let (target, atlas) = (registration.prepared(still), Atlas(image: registration.prepared(other), labels: labels))
  let classes = Int(max(labels.max() ?? 0, truth.max() ?? 0)) + 1
  let carried = registration.register(fixed: target, moving: atlas.image).carried(atlas, classes: classes, to: target)
  let seconds = (ContinuousClock.now - began) / .seconds(1)
  return RegisteredPair(
    fixed: fixed.identifier, moving: moving.identifier, dice: meanDice(carried.labels, truth, classes: classes), seconds: seconds)
}

private func image(_ item: DatasetCase) throws -> RegistrationImage {
  RegistrationImage(channels: try item.images.map { try readVolume($0) })
}
