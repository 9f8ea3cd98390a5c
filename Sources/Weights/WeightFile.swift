// One door to files of weights, whichever format they have: arrays by name, as tensors that use the mapped file where they can.

import Learning
import Tensors

/// A file of weights: PyTorch's zip archive or safetensors.
public final class WeightFile {
  public enum Format: String, Sendable, Encodable {
    case torch = "PyTorch zip archive"
    case safetensors
  }
  public let path: String
  public let format: Format
  /// The entry of a checkpoint that the weights were found under (`TorchArchive.places`); nil at the top level.
  public let place: String?
  /// The tensors in the order of the file, without a prefix `module.` that all have.
  public let entries: [WeightEntry]
  /// Entries beside the weights and what is no array, each with its kind.
  public let ignored: [String]
  private let file: MappedFile
  private let archive: TorchArchive?
  private let byName: [String: WeightEntry]

  /// Reads the list of arrays, not the arrays.
  ///
  /// Errors: anything but a whole file of one of the formats; of a PyTorch archive also a Python object other than plain data and
  /// tensors.
  public init(_ path: String) throws(WeightError) {
    file = try MappedFile(path)
    self.path = path
    format = try Self.format(of: file)
    archive = format == .torch ? try TorchArchive(file) : nil
    let listing = if let archive { try archive.listing() } else { WeightListing(entries: try Safetensors.entries(of: file)) }
    let isWrapped = listing.entries.allSatisfy { $0.name.hasPrefix("module.") }  // by DataParallel
    entries = isWrapped ? listing.entries.map { $0.named(String($0.name.dropFirst("module.".count))) } : listing.entries
    (place, ignored) = (listing.place, listing.ignored)
    byName = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0) })
  }

  public subscript(name: String) -> WeightEntry? { byName[name] }

  /// An array, in place where it is aligned, contiguous float32 (nothing may write to it), else converted into memory of its own.
  ///
  /// Errors: no such array; float64.
  public func tensor(_ name: String) throws(WeightError) -> Tensor {
    guard let entry = byName[name] else {
      throw WeightError("\(path) has no array \"\(name)\": `cohort weights inspect` lists those it has.")
    }
    try entry.refuseDouble(path)
    return entry.tensor(in: file)
  }

  /// Returns an array as `tensor(_:)` does; float64 is rounded to float32.
  func roundedTensor(_ entry: WeightEntry) -> Tensor { entry.tensor(in: file) }

  /// Compares every entry of an archive with its checksum, by reading the whole file.
  /// - Returns: how many entries have one; safetensors have none.
  @discardableResult public func verify() throws(WeightError) -> Int { try archive?.verify() ?? 0 }

  private static func format(of file: MappedFile) throws(WeightError) -> Format {
    let bytes = file.bytes, head = Array(bytes.prefix(9))
    if head.starts(with: Array("PK".utf8)) { return .torch }
    if head.count >= 2, head[0] == 0x80, (2...5).contains(head[1]) {
      throw WeightError(
        "\(file.path) has the form that PyTorch wrote before 1.6: load it in PyTorch and save it again, "
          + "torch.save(torch.load(path), path).")
    }
    if head.count == 9, head[8] == UInt8(ascii: "{") { return .safetensors }
    if bytes.prefix(512).allSatisfy({ $0 >= 0x20 && $0 < 0x7F || (0x09...0x0D).contains($0) }) {
      throw WeightError("\(file.path) is text (a Git LFS pointer, a web page?), not weights: download the file itself.")
    }
    throw WeightError("\(file.path) is neither a PyTorch archive nor safetensors: save the weights as one of these.")
  }
}

extension WeightEntry {
  func refuseDouble(_ path: String) throws(WeightError) {
    guard type != .float64 else {
      throw WeightError(
        "\(path): \"\(name)\" is float64 (F64), which is not computed with: convert to float32, `cohort weights convert` does it."
      )
    }
  }
}
