// Reads pickles as torch.save writes them (protocols 2 to 5) without executing anything: of the instructions those that plain
// data and tensors need, of the Python names those of `PickleGlobal`. All others are refused by name.

struct PickleMachine {
  private var reader: ByteReader
  private let path: String
  private var stack: [PickleValue] = []
  /// The stack positions at which the open tuples, lists and dictionaries begin.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var contents: [[PickleValue]] = []

  /// The most values that may wait on the stack: more than any list of arrays has.
  private static let mostValues = 1 << 22

  /// - Parameter path: the file, for messages.
  static func run(_ bytes: UnsafeRawBufferPointer, path: String) throws(WeightError) -> Pickle {
    var machine = PickleMachine(bytes, path: path)
    while true {
      let code = try machine.reader.integer(UInt8.self)
      if code == UInt8(ascii: ".") { return Pickle(value: try machine.pop(), contents: machine.contents) }
      guard machine.stack.count < mostValues, machine.marks.count < mostValues else {
        throw machine.damaged("it has too many open values")
      }
      try machine.execute(code)
    }
  }

  private init(_ bytes: UnsafeRawBufferPointer, path: String) {
    reader = ByteReader(bytes, or: WeightError("\(path): its list of arrays (data.pkl) ends early: copy or download it again."))
    self.path = path
  }

  private func damaged(_ what: String) -> WeightError {
    WeightError("\(path): its list of arrays (data.pkl) is not one of torch.save, \(what): save the weights again.")
  }

  private func refused(_ name: String) -> WeightError {
    WeightError(
      "\(path) asks for \(name), which is refused because files of weights need no such thing and it could run code: "
        + "take the file from a source you trust and save its weights alone, torch.save(model.state_dict(), path).")
  }

  // MARK: Instructions

  /// Instructions have no names in the file: each case ends with the one that Python's pickletools gives it.
  private mutating func execute(_ code: UInt8) throws(WeightError) {
    switch code {
    case 0x80: try readProtocol()  // PROTO
    case 0x95: _ = try reader.take(8)  // FRAME
    case UInt8(ascii: "("): marks.append(stack.count)  // MARK
    case UInt8(ascii: "N"): stack.append(.none)  // NONE
    case 0x88: stack.append(.bool(true))  // NEWTRUE
    case 0x89: stack.append(.bool(false))  // NEWFALSE
    case UInt8(ascii: "K"): stack.append(.int(try reader.index(UInt8.self)))  // BININT1
    case UInt8(ascii: "M"): stack.append(.int(try reader.index(UInt16.self)))  // BININT2
    case UInt8(ascii: "J"): stack.append(.int(Int(try reader.integer(Int32.self))))  // BININT
    case 0x8A: try pushLong()  // LONG1
    case UInt8(ascii: "G"):
      _ = try reader.take(8)
      stack.append(.float)  // BINFLOAT
    case UInt8(ascii: "X"): try pushString(try reader.index(UInt32.self))  // BINUNICODE
    case 0x8C: try pushString(try reader.index(UInt8.self))  // SHORT_BINUNICODE
    case UInt8(ascii: "B"): try pushBytes(try reader.index(UInt32.self))  // BINBYTES
    case UInt8(ascii: "C"): try pushBytes(try reader.index(UInt8.self))  // SHORT_BINBYTES
    case UInt8(ascii: ")"): push([], PickleValue.tuple)  // EMPTY_TUPLE
    case UInt8(ascii: "]"): push([], PickleValue.list)  // EMPTY_LIST
    case UInt8(ascii: "}"): push([], PickleValue.dictionary)  // EMPTY_DICT
    case UInt8(ascii: "t"): push(try popToMark(), PickleValue.tuple)  // TUPLE
    case 0x85...0x87: push(try pop(Int(code) - 0x84), PickleValue.tuple)  // TUPLE1, TUPLE2, TUPLE3
    case UInt8(ascii: "a"): try append([try pop()], isDictionary: false)  // APPEND
    case UInt8(ascii: "e"): try append(try popToMark(), isDictionary: false)  // APPENDS
    case UInt8(ascii: "s"): try append(try pop(2), isDictionary: true)  // SETITEM
    case UInt8(ascii: "u"): try append(try popToMark(), isDictionary: true)  // SETITEMS
    case UInt8(ascii: "q"): memo[try reader.index(UInt8.self)] = try top()  // BINPUT
    case UInt8(ascii: "r"): memo[try reader.index(UInt32.self)] = try top()  // LONG_BINPUT
    case 0x94: memo[memo.count] = try top()  // MEMOIZE
    case UInt8(ascii: "h"): try recall(try reader.index(UInt8.self))  // BINGET
    case UInt8(ascii: "j"): try recall(try reader.index(UInt32.self))  // LONG_BINGET
    case UInt8(ascii: "c"): try pushGlobal(module: try line(), try line())  // GLOBAL
    case 0x93: try pushGlobal()  // STACK_GLOBAL
    case UInt8(ascii: "Q"): try pushStorage()  // BINPERSID
    case UInt8(ascii: "R"), 0x81: try reduce()  // REDUCE, NEWOBJ
    case UInt8(ascii: "b"): try build()  // BUILD
    default: throw refused("pickle instruction 0x" + String(code, radix: 16))
    }
  }

  private mutating func readProtocol() throws(WeightError) {
    let version = try reader.integer(UInt8.self)
    guard (2...5).contains(version) else { throw damaged("it has pickle protocol \(version)") }
  }

  private mutating func pushLong() throws(WeightError) {
    let bytes = try reader.take(try reader.index(UInt8.self))
    // Numbers beyond 64 bits (seeds of generators) are of no use here.
    guard bytes.count <= 8 else { return stack.append(.placeholder("int")) }
    let negative = (bytes.last ?? 0) & 0x80 != 0
    let padded = bytes + [UInt8](repeating: negative ? 0xFF : 0, count: 8 - bytes.count)
    stack.append(.int(Int(truncatingIfNeeded: padded.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })))
  }

  private mutating func pushString(_ count: Int) throws(WeightError) { stack.append(.string(try reader.text(count))) }

  private mutating func pushBytes(_ count: Int) throws(WeightError) {
    _ = try reader.take(count)
    stack.append(.bytes)
  }

  private mutating func recall(_ index: Int) throws(WeightError) {
    guard let value = memo[index] else { throw damaged("it recalls what it never stored") }
    stack.append(value)
  }

  /// Puts a new container on the stack.
  private mutating func push(_ elements: [PickleValue], _ kind: (Int) -> PickleValue) {
    stack.append(kind(contents.count))
    contents.append(elements)
  }

  /// Adds to the list or dictionary on top of the stack.
  private mutating func append(_ elements: [PickleValue], isDictionary: Bool) throws(WeightError) {
    switch (try top(), isDictionary) {
    case (.list(let index), false): contents[index] += elements
    case (.dictionary(let index), true) where elements.count % 2 == 0: contents[index] += elements
    case (.placeholder, _): break
    case (let other, _): throw damaged("it adds elements to a \(other.kind)")
    }
  }

  // MARK: Names and objects

  private mutating func pushGlobal() throws(WeightError) {
    let names = try pop(2)
    guard case .string(let module) = names[0], case .string(let name) = names[1] else {
      throw damaged("it has a name that is no text")
    }
    try pushGlobal(module: module, name)
  }

  private mutating func pushGlobal(module: String, _ name: String) throws(WeightError) {
    guard let global = PickleGlobal("\(module).\(name)") else { throw refused("\(module).\(name)") }
    stack.append(.global(global))
  }

  /// ("storage", its type, its key, the device it was on, the number of its elements) becomes a storage.
  private mutating func pushStorage() throws(WeightError) {
    let fields = elements(of: try pop()) ?? []
    guard fields.count == 5, case .string("storage") = fields[0], case .global(.storage(let type)) = fields[1],
      case .string(let key) = fields[2], case .int(let count) = fields[4], count >= 0
    else { throw damaged("it has an incomplete storage") }
    stack.append(.storage(TorchStorage(type: type, key: key, count: count)))
  }

  /// Calls of the few names that make tensors and dictionaries; every other object becomes a placeholder.
  private mutating func reduce() throws(WeightError) {
    let operands = try pop(2)
    guard let arguments = elements(of: operands[1]) else { throw damaged("it calls something without arguments") }
    switch operands[0] {
    case .global(.orderedDictionary) where arguments.isEmpty: push([], PickleValue.dictionary)
    case .global(.rebuildTensor): stack.append(.tensor(try tensor(arguments)))
    case .global(.rebuildParameter):
      guard case .tensor(let tensor)? = arguments.first else { throw damaged("it has a parameter without a tensor") }
      stack.append(.tensor(tensor))
    case .global(.inert(let name)): stack.append(.placeholder(name))
    case let other: throw damaged("it calls a \(other.kind)")
    }
  }

  /// (storage, offset, shape, strides, ...)
  private func tensor(_ arguments: [PickleValue]) throws(WeightError) -> TorchTensor {
    guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .int(let offset) = arguments[1],
      let shape = integers(arguments[2]), let strides = integers(arguments[3])
    else { throw damaged("it has an incomplete tensor") }
    return TorchTensor(storage: storage, offset: offset, shape: shape, strides: strides)
  }

  /// Attributes of an object: of no use for placeholders and dictionaries (state dicts carry versions of their layers).
  private mutating func build() throws(WeightError) {
    _ = try pop()
    switch try top() {
    case .placeholder, .dictionary: break
    case let other: throw damaged("it sets attributes of a \(other.kind)")
    }
  }

  // MARK: The stack

  private mutating func pop() throws(WeightError) -> PickleValue { try pop(1)[0] }

  /// The topmost values, first the one that was pushed first.
  private mutating func pop(_ count: Int) throws(WeightError) -> [PickleValue] {
    guard stack.count - count >= marks.last ?? 0 else { throw damaged("it takes a value that is not there") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(WeightError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw damaged("it closes what it never opened") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private func top() throws(WeightError) -> PickleValue {
    guard let value = stack.last else { throw damaged("it takes a value that is not there") }
    return value
  }

  private func elements(of value: PickleValue) -> [PickleValue]? {
    guard case .tuple(let index) = value else { return nil }
    return contents[index]
  }

  private func integers(_ value: PickleValue) -> [Int]? {
    guard let elements = elements(of: value), elements.count <= WeightEntry.mostAxes else { return nil }
    let integers = elements.compactMap { if case .int(let integer) = $0 { integer } else { nil } }
    return integers.count == elements.count ? integers : nil
  }

  /// Text up to the end of the line, of a GLOBAL.
  private mutating func line() throws(WeightError) -> String {
    var length = 0
    while try reader.integer(UInt8.self) != UInt8(ascii: "\n") { length += 1 }
    reader.position -= length + 1
    defer { reader.position += 1 }
    return try reader.text(length)
  }
}
