// State dicts in PyTorch's zip archives: data.pkl, a pickle of protocol 2 with the few instructions that a dictionary of tensors needs, and the floats of
// each tensor under data/<number>. torch.load(weights_only=True) reads it.

import Files
import Foundation

/// Writes PyTorch's archives.
public enum TorchWriter {
  private static let root = "archive"

  /// Writes float32 tensors under their names, sorted; the same tensors give the same bytes. A reader never sees half a file.
  /// Errors: more than the 4 GiB of a simple zip archive; a file that cannot be written.
  public static func write(_ tensors: [String: StoredTensor], to path: String) throws(WeightError) {
    let sorted = tensors.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }
    let list = pickle(sorted), bytes = sorted.reduce(list.count + 1 << 20) { $0 + 4 * $1.tensor.values.count + 512 }
    guard bytes <= StoredZip.most else {
      throw WeightError("\(path) would have \(bytes) bytes, more than a .pth of 4 GiB holds: export .safetensors.")
    }
    do {
      try writeDurably(to: path) { file, temporary in
        var zip = StoredZip()
        func add(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
          try writeAll(zip.header(of: "\(root)/\(name)", bytes) + bytes, to: file, temporary)
        }
        try list.withUnsafeBytes { try add("data.pkl", $0) }
        try Array("little".utf8).withUnsafeBytes { try add("byteorder", $0) }
        for (number, item) in sorted.enumerated() {
          try item.tensor.values.withUnsafeBytes { try add("data/\(number)", $0) }
        }
        try Array("3\n".utf8).withUnsafeBytes { try add("version", $0) }
        try writeAll(zip.end, to: file, temporary)
      }
    } catch { throw error as? WeightError ?? WeightError("\(error)") }
  }

  // MARK: The pickle. Each line ends with the names that Python's pickletools gives its instructions.

  /// A dictionary of tensors, tensor k with all of storage k.
  private static func pickle(_ tensors: [(name: String, tensor: StoredTensor)]) -> [UInt8] {
    var bytes: [UInt8] = [0x80, 2] + Array("}(".utf8)  // PROTO, EMPTY_DICT, MARK
    for (number, (name, tensor)) in tensors.enumerated() {
      let storage =
        pickled("storage") + pickled(class: "torch", "FloatStorage") + pickled("\(number)") + pickled("cpu")
        + pickled(tensor.values.count)
      bytes += pickled(name) + pickled(class: "torch._utils", "_rebuild_tensor_v2")
      bytes += Array("((".utf8) + storage + Array("tQ".utf8)  // MARK, MARK, TUPLE, BINPERSID
      bytes += pickled(0) + tuple(tensor.shape) + tuple(rowMajor(tensor.shape)) + [0x89]  // NEWFALSE: needs no gradient
      bytes += pickled(class: "collections", "OrderedDict") + Array(")RtR".utf8)  // EMPTY_TUPLE, REDUCE, TUPLE, REDUCE
    }
    return bytes + Array("u.".utf8)  // SETITEMS, STOP
  }

  /// BINUNICODE.
  private static func pickled(_ text: String) -> [UInt8] {
    [UInt8(ascii: "X")] + littleEndian(text.utf8.count, bytes: 4) + Array(text.utf8)
  }

  /// BININT where it is enough, else LONG1.
  private static func pickled(_ number: Int) -> [UInt8] {
    number <= Int32.max ? [UInt8(ascii: "J")] + littleEndian(number, bytes: 4) : [0x8A, 8] + littleEndian(number, bytes: 8)
  }

  /// GLOBAL.
  private static func pickled(class module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

  /// MARK, TUPLE.
  private static func tuple(_ numbers: [Int]) -> [UInt8] {
    [UInt8(ascii: "(")] + numbers.flatMap(pickled) + [UInt8(ascii: "t")]
  }
}
