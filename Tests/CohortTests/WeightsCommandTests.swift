// `cohort weights` on the files that PyTorch wrote, and a network that runs from either format.

import Foundation
import TestSupport
import Testing
import Weights

@Suite(.serialized) struct WeightsCommandTests {
  let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("WeightsTests/Fixtures").path

  func cohort(_ arguments: [String]) throws -> (status: Int32, output: String) { try runAlone(arguments, executable: "cohort") }

  @Test func inspectPrintsFactsAndConvertKeepsTheHash() throws {
    try withTemporaryFolder { folder in
      func facts(_ path: String) throws -> [String: Any] {
        let (status, output) = try cohort(["weights", "inspect", path, "--json"])
        try #require(status == 0, "\(output)")
        return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
      }
      let checkpoint = fixtures + "/checkpoint.pth", converted = folder + "/c.safetensors", found = try facts(checkpoint)
      #expect(found["place"] as? String == "model_state_dict" && found["parameterCount"] as? Int == 9)
      #expect(found["arrayCount"] as? Int == 2 && found["checksumsVerified"] as? Int == 14)
      #expect((found["ignored"] as? [String])?.contains("epoch (int)") == true)
      for half in [[], ["--half"]] {
        let (status, output) = try cohort(["weights", "convert", checkpoint, converted] + half)
        #expect(status == 0 && output.contains("2 arrays"))
        let again = try facts(converted)
        #expect(again["weightsHash"] as? String == found["weightsHash"] as? String && again["format"] as? String == "safetensors")
      }
      let text = try cohort(["weights", "inspect", checkpoint]).output
      #expect(
        text.contains("weight  F32  [3, 2]") && text.contains("under model_state_dict") && text.contains("14 entries intact"))
    }
  }

  @Test func badFilesAreOneSentence() throws {
    try withTemporaryFolder { folder in
      var bytes = try Data(contentsOf: URL(fileURLWithPath: fixtures + "/kinds.pth"))
      let payload = bytes.range(of: Data("kinds/data/0".utf8))!.upperBound
      bytes[payload + 60] ^= 1  // an element, or the padding before it
      for index in payload..<payload + 80 where index != payload + 60 { bytes[index] ^= 4 }
      try bytes.write(to: URL(fileURLWithPath: folder + "/damaged.pth"))
      for (path, fragment) in [
        (folder, "is a folder"), (folder + "/none", "there is no file"),
        (fixtures + "/module.pth", "torch.nn.modules.linear.Linear"),
        (fixtures + "/legacy.pth", "1.6"), (folder + "/damaged.pth", "damaged"),
      ] {
        for arguments in [["inspect", path], ["convert", path, folder + "/out.safetensors"]] {
          let (status, output) = try cohort(["weights"] + arguments)
          #expect(status == 3 && output.hasPrefix("cohort: ") && output.contains(fragment), "\(arguments): \(output)")
          #expect(output.split(separator: "\n").count == 1)
        }
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/out.safetensors"))
    }
  }
  /// What is merged must be a SAM and its adapters (`SAMFileTests` merges).
  @Test func mergingSomethingElseIsOneSentence() throws {
    try withTemporaryFolder { folder in
      let output = folder + "/merged.safetensors", other = fixtures + "/model.pth",
        adapters = fixtures + "/../../TrainingTests/Fixtures/sam_lora_tiny_adapter.pth"
      for (base, adapters, target, fragment) in [
        ("demo", folder + "/none", output, "--adapters: there is no file"),
        ("demo", other, output, "--adapters: \(other) holds no LoRA"),
        (other, other, output, "--base: \(other): these are no weights of SAM"), (folder + "/none", other, output, "--base: "),
        ("demo", other, folder + "/merged.pth", ".safetensors"), (adapters, adapters, output, "holds LoRA alone"),
        ("demo", adapters, output, "belongs to a SAM of 4 blocks with 48 channels, and --base is one of"),
      ] {
        let (status, text) = try cohort(["weights", "merge", "--base", base, "--adapters", adapters, "--output", target])
        #expect(status == 3 && text.hasPrefix("cohort: ") && text.contains(fragment), "\(text)")
        #expect(text.split(separator: "\n").count == 1 && !FileManager.default.fileExists(atPath: target))
      }
    }
  }
}
