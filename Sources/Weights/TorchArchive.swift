// PyTorch's zip archives (.pth, .pt, .bin of torch 1.6 and newer): a folder with data.pkl, which lists
// the arrays, and data/<key>, the raw elements of each storage.

/// What a file of weights holds.
struct WeightListing {
  /// The tensors in the order of the file.
  var entries: [WeightEntry]
  /// The entry of a checkpoint that the weights were found under; nil at the top level.
  var place: String?
  /// Entries that are not used, each with its kind.
  var ignored: [String] = []
}

struct TorchArchive {
  /// The most bytes of a list of arrays: of some 100,000.
  private static let longestPickle = 32 << 20
  /// Entries of a checkpoint that hold its weights, the first that is there: those of SAM-Med3D, of most trainers, of nnU-Net, of
  /// others.
  static let places = ["model_state_dict", "state_dict", "network_weights", "model"]

  private let file: MappedFile
  private let directory: ZipDirectory
  private let root: String

  init(_ file: MappedFile) throws(WeightError) {
    self.file = file
    directory = try ZipDirectory(file)
    let suffix = "data.pkl",
      lists = directory.entries.keys.filter { $0.hasSuffix("/" + suffix) && $0.split(separator: "/").count == 2 }
    guard lists.count == 1 else {
      throw WeightError("\(file.path) is a zip archive without data.pkl, so no file of weights: write it with torch.save.")
    }
    root = String(lists[0].dropLast(suffix.count))
    if directory.entries[root + "byteorder"] != nil {
      guard String(decoding: try directory.verifiedBytes(root + "byteorder"), as: UTF8.self) == "little" else {
        throw WeightError("\(file.path) was written on a big-endian machine: write it again on a common one.")
      }
    }
  }

  func listing() throws(WeightError) -> WeightListing {
    let bytes = try directory.verifiedBytes(root + "data.pkl")
    guard bytes.count <= Self.longestPickle else {
      throw WeightError(
        "\(file.path): its list of arrays has \(bytes.count) bytes, more than \(Self.longestPickle): save the weights alone.")
    }
    let pickle = try PickleMachine.run(bytes, path: file.path)
    guard let top = pickle.entries(of: pickle.value) else {
      throw WeightError(
        "\(file.path) holds a \(pickle.value.kind), not arrays by name: save them with torch.save(model.state_dict(), path).")
    }
    let found = Self.places.lazy.compactMap { place in
      top.first { $0.key == place }.flatMap { pickle.entries(of: $0.value) }.map { (place, $0) }
    }.first
    var listing = WeightListing(entries: [], place: found?.0)
    if let place = found?.0 { listing.ignored = top.filter { $0.key != place }.map { "\($0.key) (\($0.value.kind))" } }
    for (name, value) in found?.1 ?? top {
      if case .tensor(let tensor) = value {
        listing.entries.append(try entry(name, tensor))
      } else {
        listing.ignored.append("\(name) (\(value.kind))")
      }
    }
    // Tied weights share elements; a list of many arrays over the same ones would let a small file stand for any amount of data.
    guard let elements = sum(listing.entries.map(\.count)), elements / 16 <= file.count else {
      throw WeightError("\(file.path): its arrays share their elements too often: save it again, arrays as tensor.clone().")
    }
    guard !listing.entries.isEmpty else {
      throw WeightError(
        "\(file.path) holds no arrays at the top level nor under \(Self.places.joined(separator: ", ")): "
          + "save them with torch.save(model.state_dict(), path).")
    }
    return listing
  }

  /// Reads every entry and compares it with its checksum.
  /// - Returns: the number of entries.
  func verify() throws(WeightError) -> Int {
    for name in directory.entries.keys.sorted() { _ = try directory.verifiedBytes(name) }
    return directory.entries.count
  }

  private func entry(_ name: String, _ tensor: TorchTensor) throws(WeightError) -> WeightEntry {
    let storage = tensor.storage
    guard let stored = directory.entries["\(root)data/\(storage.key)"] else {
      throw WeightError("\(file.path) lacks the elements of \"\(name)\" (data/\(storage.key)): copy or download it again.")
    }
    guard stored.range.count / storage.type.size == storage.count, stored.range.count % storage.type.size == 0 else {
      throw WeightError(
        "\(file.path) has \(stored.range.count) bytes for the \(storage.count) elements of \"\(name)\": copy it again."
      )
    }
    guard
      let entry = WeightEntry(
        name: name, type: storage.type, shape: tensor.shape, strides: tensor.strides, first: tensor.offset, in: stored.range)
    else {
      throw WeightError(
        "\(file.path): \"\(name)\" of shape \(tensor.shape) does not lie in its \(storage.count) elements: save it again, "
          + "expanded arrays as tensor.contiguous().")
    }
    return entry
  }
}
