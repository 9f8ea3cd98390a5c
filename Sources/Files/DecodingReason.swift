// Why JSON is not what it should be, in a few words.

extension DecodingError {
  /// What is wrong and where, such as "it lacks vectors.0.count".
  public var reason: String {
    func place(_ keys: [any CodingKey]) -> String {
      keys.isEmpty
        ? "it" : keys.suffix(4).map { $0.intValue.map(String.init) ?? String($0.stringValue.prefix(40)) }.joined(separator: ".")
    }
    return switch self {
    case .keyNotFound(let key, let context): "it lacks \(place(context.codingPath + [key]))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context): "\(place(context.codingPath)) is not what it should be"
    case .dataCorrupted(let context): "\(place(context.codingPath)) is no JSON or a number beyond its range"
    @unknown default: "it has other contents"
    }
  }
}

/// What an error of decoding says in a few words, and what any other error says.
public func decodingReason(_ error: any Error) -> String { (error as? DecodingError)?.reason ?? "\(error)" }
