// What a pickle of weights can hold, and the only Python names it may mention. Nothing is ever executed: a name is one of a few
// that tensors need, one whose objects are kept as inert placeholders because training checkpoints hold them beside the weights,
// or refused.

/// A value on the pickle machine's stack. Tuples, lists and dictionaries are numbers of entries in `Pickle.contents`: so nothing
/// nests, and a file of a million tuples in one another cannot exhaust the stack.
enum PickleValue {
  case none
  case bool(Bool)
  case int(Int)
  case float
  case string(String)
  case bytes
  case tuple(Int)
  case list(Int)
  /// A dictionary, whose contents are key, value, key, value.
  case dictionary(Int)
  case global(PickleGlobal)
  case storage(TorchStorage)
  case tensor(TorchTensor)
  /// An object of the named class that is kept as no more than that.
  case placeholder(String)

  /// The kind of value, for people.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "bool"
    case .int: "int"
    case .float: "float"
    case .string: "string"
    case .bytes: "bytes"
    case .tuple: "tuple"
    case .list: "list"
    case .dictionary: "dictionary"
    case .global: "class"
    case .storage: "storage"
    case .tensor: "tensor"
    case .placeholder(let name): name
    }
  }
}

/// What a pickle made: its value, and the elements of all tuples, lists and dictionaries.
struct Pickle {
  let value: PickleValue
  let contents: [[PickleValue]]

  /// Key and value of a dictionary's entries whose keys are strings, the last of each key, as Python has it; nil for other
  /// values.
  func entries(of value: PickleValue) -> [(key: String, value: PickleValue)]? {
    guard case .dictionary(let index) = value else { return nil }
    var entries: [(key: String, value: PickleValue)] = [], places: [String: Int] = [:]
    for at in stride(from: 0, to: contents[index].count, by: 2) {
      guard case .string(let key) = contents[index][at] else { continue }
      let entry = (key, contents[index][at + 1])
      if let place = places[key] {
        entries[place] = entry
      } else {
        places[key] = entries.count
        entries.append(entry)
      }
    }
    return entries
  }
}

/// A run of elements in an entry of the archive.
struct TorchStorage {
  let type: ElementType
  /// The name of its entry in the folder `data` of the archive.
  let key: String
  let count: Int
}

/// A window of a storage, in elements.
struct TorchTensor {
  let storage: TorchStorage
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

/// A Python name that may occur.
enum PickleGlobal {
  case rebuildTensor
  case rebuildParameter
  case orderedDictionary
  case storage(ElementType)
  /// A class whose objects become placeholders.
  case inert(String)

  private static let storages: [String: ElementType] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
    "LongStorage": .int64, "IntStorage": .int32, "ByteStorage": .uint8, "BoolStorage": .bool,
  ]
  /// Plain data that training programs save beside weights: options, numbers of NumPy, counters of schedules.
  private static let inert: Set<String> = [
    "argparse.Namespace", "_codecs.encode", "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "collections.Counter", "collections.defaultdict", "__builtin__.list", "__builtin__.dict", "__builtin__.set", "builtins.list",
    "builtins.dict", "builtins.set", "pathlib.PosixPath", "torch.Size", "torch.device", "torch.float32", "torch.float16",
    "torch.bfloat16",
  ]

  /// nil for every name that is not on one of the lists.
  init?(_ name: String) {
    switch name {
    case "torch._utils._rebuild_tensor_v2": self = .rebuildTensor
    case "torch._utils._rebuild_parameter": self = .rebuildParameter
    case "collections.OrderedDict": self = .orderedDictionary
    default:
      if name.hasPrefix("torch."), let type = Self.storages[String(name.dropFirst(6))] {
        self = .storage(type)
      } else if Self.inert.contains(name) {
        self = .inert(name)
      } else {
        return nil
      }
    }
  }
}
