// What a trained network can be exported as: the ending of the output decides. Each format writes all or nothing.

import Files
import Foundation
import Training
import Weights

/// A model cannot be exported as asked.
public struct ExportError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// A format of other programs.
public enum ExportFormat: String, CaseIterable, Sendable {
  case safetensors, pth, onnx, bundle

  public var ending: String { "." + rawValue }

  /// One line for lists.
  public var summary: String {
    switch self {
    case .safetensors: "weights by their state-dict names, with texts about the model"
    case .pth: "weights as a state dict for torch.load(weights_only=True)"
    case .onnx: "the network with its weights, opset 17: patches [B, C, D, H, W] to logits [B, K, D, H, W], any B"
    case .bundle: "a folder for MONAI: the network, its preprocessing and sliding windows, run by `python -m monai.bundle run`"
    }
  }

  /// The format of an output by its name. Error: an ending that is none of these.
  public init(of path: String) throws(ExportError) {
    let name = lastName(of: path).lowercased()
    guard let format = Self.allCases.first(where: { name.hasSuffix($0.ending) && name.count > $0.ending.count }) else {
      let endings = Self.allCases.map { "\($0.ending) (\($0.summary))" }.joined(separator: "; ")
      throw ExportError("\(path) has no ending of a format that can be written: choose one of \(endings).")
    }
    self = format
  }

  /// Refuses an output in the way before any work is done; safetensors that the same command wrote are replaced.
  public func check(output: String, command: String) throws {
    switch self {
    case .safetensors: try Safetensors.checkOutput(output, command: command)
    case .pth, .onnx, .bundle: try checkOutputs([output], reading: []) { _ in false }
    }
  }

  /// Writes a model.
  /// - Parameters:
  ///   - licence: what the user lets others do with the model, a text.
  ///   - command: goes into the texts about the model.
  public func write(_ model: TrainedModel, to output: String, licence: String, command: String) throws {
    let facts = try ModelFacts(model, licence: licence, command: command)
    switch self {
    case .safetensors: try Safetensors.write(model.stateDict, metadata: facts.texts, to: output)
    case .pth: try TorchWriter.write(model.stateDict, to: output)
    case .onnx: try writeDurably(try ONNXModel(model, texts: facts.texts, path: output).bytes, to: output)
    case .bundle: try MONAIBundle(model, facts).write(to: output)
    }
  }
}
