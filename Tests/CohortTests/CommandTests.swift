// The command as a user types it: forward passes for comparing with other programs, prediction on the exact grid, scores, help.

import Foundation
import Methods
import Networks
import Scaling
import Settings
import TestSupport
import Testing
import Training
import Volumes
import Weights

@Suite(.serialized) struct CommandTests {
  func cohort(_ arguments: [String]) throws -> String {
    let (status, output) = try runAlone(arguments, executable: "cohort")
    try #require(status == 0, "\(arguments): \(output)")
    return output
  }

  /// libgomp has a line of its own for some of these.
  @Test(arguments: ["abc", "1e9", "1000000000"]) func aWrongNumberOfThreadsInTheEnvironmentIsRefusedOnce(_ text: String) throws {
    let variables = ["OMP_NUM_THREADS": text]
    let alone = try runAlone(["methods"], environment: variables, executable: "cohort")
    let together = try mpirun(2, ["methods"], environment: variables, executable: "cohort")
    for (code, output) in [alone, together] {
      #expect(code == 3 && output.components(separatedBy: "cohort: OMP_NUM_THREADS is \"\(text)\"").count == 2, "\(output)")
    }
  }

  @Test func forwardWritesTheLogitsOfTheOriginalNetwork() throws {
    let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("NetworksTests/Fixtures/unet3d_base2.safetensors").path
    try withTemporaryFolder { folder in
      _ = try cohort([
        "network", "forward", "--network", "unet3d", "--option", "base=2", "--classes", "3", "--weights", golden, "--input",
        golden,
        "--output", folder + "/o.safetensors",
      ])
      let logits = try Safetensors.read(folder + "/o.safetensors")["logits"]!, expected = try Safetensors.read(golden)["logits"]!
      #expect(logits.shape == expected.shape && differenceOverRange(logits.values, expected.values) < 1e-4)
    }
  }

  @Test(arguments: ["folded", "literal"]) func forwardWritesTheEmbeddingAndLogitsOfSAMMed3D(padding: String) throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("NetworksTests/Fixtures/sam_med3d_tiny.safetensors").path
    let golden = try Safetensors.read(path)
    try withTemporaryFolder { folder in
      for (inputs, answer) in [
        (["input", "mask_prompt"], "lowres_logits.mask"), (["input", "point"], "lowres_logits.point"),
        (["input", "mask_prompt", "point"], "lowres_logits.point_and_mask"),
      ] {
        let (from, to) = (folder + "/i.safetensors", folder + "/o.safetensors")
        try Safetensors.write(golden.filter { inputs.contains($0.key) }, to: from)
        _ = try cohort([
          "network", "forward", "--network", "sam-med3d", "--weights", path, "--input", from, "--output", to, "--padding",
          padding,
        ])
        let found = try Safetensors.read(to)
        for (name, expected) in [("embedding", "embedding"), ("lowres_logits", answer)] {
          #expect(found[name]!.shape == golden[expected]!.shape)
          #expect(zip(found[name]!.values, golden[expected]!.values).allSatisfy { abs($0 - $1) < 1e-4 }, "\(expected)")
        }
      }
    }
    #expect(try cohort(["network", "list"]).contains("sam-med3d"))
  }

  @Test func fromRawImagesToScoresAndBack() throws {
    try withTemporaryFolder { folder in
      let raw = folder + "/raw", packs = folder + "/packs", run = folder + "/run"
      _ = try cohort(["synthesize", "--output", raw, "--subjects", "8", "--labelled", "2", "--seed", "3", "--spacing", "4"])
      #expect(try cohort(["prepare", raw, "--output", packs]).contains("8 cases prepared"))
      #expect(try cohort(["prepare", raw, "--output", packs]).contains("0 cases prepared, 8 unchanged"))
      let file = folder + "/run.yaml"
      let network = "network: {name: unet3d, base: 2}\npatch: [16, 16, 32]"
      try "data: \(packs)\noutput: \(run)\n\(network)\nsteps: 3\nlanes: 2\nprior: {kind: none}\n"
        .write(toFile: file, atomically: true, encoding: .utf8)
      #expect(try cohort(["train", file]).contains("Dice"))
      #expect(try cohort(["checkpoint", "list", run]).contains("step 3"))
      #expect(try cohort(["checkpoint", "verify", run]).contains("intact"))
      #expect(try cohort(["checkpoint", "inspect", run]).contains("conv1.conv1.0.weight"))
      try exports(folder: folder, run: run)

      let image = raw + "/imagesTs/subject_0003_0000.nii.gz"
      try turned(image)
      _ = try cohort(["predict", "--checkpoint", run, "--input", raw + "/imagesTs", "--output", folder + "/alone"])
      let shared = try mpirun(
        2, ["predict", "--checkpoint", run, "--input", raw + "/imagesTs", "--output", folder + "/shared"], executable: "cohort")
      #expect(shared.status == 0, "\(shared.output)")
      for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/alone") {
        let bytes = try [folder + "/alone/" + name, folder + "/shared/" + name].map {
          try Data(contentsOf: URL(fileURLWithPath: $0))
        }
        #expect(bytes[0] == bytes[1], "\(name) is the same on 1 and 2 ranks")
      }
      try figures(folder: folder, raw: raw, packs: packs, run: run)
      try scoresUnderBias(folder: folder, raw: raw, run: run)

      let predicted = try readLabels(folder + "/alone/subject_0003.nii.gz")
      #expect(predicted.grid == (try readGrid(image)), "the exact grid of the image")

      let perfect = try cohort(["evaluate", "--predictions", raw + "/labelsTs", "--references", raw + "/labelsTs", "--json"])
      let json = try #require(try JSONSerialization.jsonObject(with: Data(perfect.utf8)) as? [String: Any])
      #expect(!json.isEmpty && perfect.contains("\"dice\" : 1"))
    }
  }

  func exports(folder: String, run: String) throws {
    let paths = Dictionary(uniqueKeysWithValues: ["safetensors", "pth", "onnx", "bundle"].map { ($0, "\(folder)/model.\($0)") })
    for (_, path) in paths { _ = try cohort(["checkpoint", "export", run, "--output", path, "--licence", "CC BY 4.0"]) }
    let stored = try Safetensors.read(paths["safetensors"]!), facts = try Safetensors.metadata(paths["safetensors"]!)
    let archive = try WeightFile(paths["pth"]!)
    #expect(archive.entries.map(\.name) == stored.keys.sorted())
    for (name, tensor) in stored { #expect(try archive.tensor(name).values == tensor.values, "\(name)") }
    #expect(facts["licence"] == "CC BY 4.0" && facts["patch"] == "[16,16,32]" && facts["spacing"] == "[4,4,4]")
    #expect(facts["options"] == #"{"base":"2"}"# && facts["data"] != nil && facts["classes"]?.contains("background") == true)
    #expect(facts["normalization"] == #"[{"over":"crop","scheme":"ZScoreNormalization"}]"#)

    let workflow = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: paths["bundle"]! + "/configs/inference.json")))
        as? [String: Any])
    #expect(
      workflow["patch"] as? [Int] == [16, 16, 32] && (workflow["orientation"] as? [String: Any])?["axcodes"] as? String == "SAR")
    let model = try Data(contentsOf: URL(fileURLWithPath: paths["bundle"]! + "/models/model.onnx"))
    #expect(try model == Data(contentsOf: URL(fileURLWithPath: paths["onnx"]!)))
    for ending in ["pth", "onnx", "bundle"] {
      let (status, output) = try runAlone(["checkpoint", "export", run, "--output", paths[ending]!], executable: "cohort")
      #expect(status == 3 && output.contains("is in the way"), "\(output)")
    }
  }

  func figures(folder: String, raw: String, packs: String, run: String) throws {
    let cam = try cohort([
      "report", "gradcam", "--checkpoint", run, "--checkpoint", "again=\(run)", "--input", raw + "/imagesTs", "--references",
      raw + "/labelsTs", "--kind", "hirescam", "--output", folder + "/cam",
    ])
    #expect(cam == folder + "/cam/gradcam-1.png\n")
    _ = try cohort(["report", "sobf", "--input", packs, "--preset", "physical", "--output", folder + "/sobf.png"])
    _ = try cohort([
      "report", "stitch", "--data", packs, "--case", "subject_0003", "--patch", "16,24,24", "--canvas", "128", "--predictions",
      folder + "/alone", "--output", folder + "/stitched.png",
    ])
    _ = try cohort([
      "report", "stitch", "--data", packs, "--case", "subject_0003", "--patch", "90,24,24", "--canvas", "256", "--geometry",
      "uniform",
      "--predictions", folder + "/alone", "--output", folder + "/uniform.png",
    ])
    let pictures = try cohort([
      "report", "compare", "--images", raw + "/imagesTs", "--references", raw + "/labelsTs", "--predictions",
      "ours=\(folder)/alone", "--output", folder + "/compared",
    ])
    #expect(pictures.split(separator: "\n").count == 2)
    for path in ["cam/gradcam-1.png", "sobf.png", "stitched.png", "uniform.png", "compared/subject_0003.png"].map({
      "\(folder)/\($0)"
    }) {
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)).starts(with: [0x89, 0x50, 0x4E, 0x47]), "\(path)")
    }
  }

  /// Without a bias the scores are those of the predictions on disk; a bias changes them; ranks do not.
  func scoresUnderBias(folder: String, raw: String, run: String) throws {
    struct Scores: Decodable {
      var overall: [String: Double]
    }
    let arguments = [
      "evaluate", "--checkpoint", run, "--input", raw + "/imagesTs", "--references", raw + "/labelsTs", "--bias", "0,0", "--bias",
      "0.9,1",
    ]
    func decode<Value: Decodable>(_ text: String, as type: Value.Type) throws -> Value {
      try JSONDecoder().decode(type, from: Data(text.utf8))
    }
    let scores = try decode(try cohort(arguments + ["--json"]), as: [Scores].self)
    let plain = try decode(
      try cohort(["evaluate", "--predictions", folder + "/alone", "--references", raw + "/labelsTs", "--json"]), as: Scores.self)
    #expect(scores.count == 2 && scores[0].overall == plain.overall && scores[1].overall != plain.overall)
    let table = try cohort(arguments), shared = try mpirun(2, arguments, executable: "cohort")
    #expect(
      shared.status == 0 && shared.output.contains(table.split(separator: "\n")[1...].joined(separator: "\n")), "\(shared.output)"
    )
    #expect(table.contains("alphaM") && table.contains("seed 1337"))
  }

  /// Writes the image back with its first axis reversed and other axes exchanged: same world, another grid.
  func turned(_ path: String) throws {
    var volume = try readVolume(path)
    let old = volume.grid, extent = volume.extent
    // File axes x, y, z become z, x (backwards), y.
    let order = [2, 0, 1], sizes = [extent.width, extent.height, extent.depth]
    func reordered(_ affine: [Double]) -> [Double] {
      var result = affine
      for row in 0..<3 {
        for (new, axis) in order.enumerated() { result[4 * row + new] = affine[4 * row + axis] * (axis == 0 ? -1 : 1) }
        result[4 * row + 3] = affine[4 * row + 3] + affine[4 * row] * Double(sizes[0] - 1)
      }
      return result
    }
    volume.grid = FileGrid(dimensions: order.map { old.dimensions[$0] }, affine: reordered(old.affine))
    try writeVolume(volume, to: path)
  }

  /// The help of every command explains it, and that of every argument what it is for.
  @Test func everyCommandAndArgumentHasHelp() throws {
    func silent(_ command: ProgramHelp.Command, in path: String) -> [String] {
      let name = "\(path) \(command.commandName)"
      let arguments = (command.arguments ?? []).filter { $0.abstract == nil }.map {
        "\(name) \($0.names?.first?.name ?? $0.valueName!)"
      }
      // ArgumentParser's own command is not ours to explain.
      let below = (command.subcommands ?? []).filter { $0.commandName != "help" }.flatMap { silent($0, in: name) }
      return (command.abstract == nil ? [name] : []) + arguments + below
    }
    let help = try ProgramHelp.read()
    #expect(help.subcommands?.isEmpty == false && silent(help, in: "") == [])
  }

  @Test func listsNameEveryEntryOfTheCatalogues() throws {
    #expect(try cohort(["methods"]).contains("relif"))
    #expect(try cohort(["network", "list", "--json"]).contains("\"unet3d\""))
    #expect(try cohort(["recipes"]).contains("demo-relif"))
  }

  /// Every key and option is printed with its default and what it may be.
  @Test func settingsAreExplained() throws {
    func expectAll(_ table: [any SettingDescription], prefix: String = "", in text: String) {
      let shown: [String?: String] = [nil: "(must be given)", "": "(nothing)"]
      // Sentences are wrapped.
      let words = text.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
      for setting in table {
        #expect(
          text.contains("\(prefix)\(setting.name): \(shown[setting.defaultText] ?? setting.defaultText ?? "")\n"),
          "\(setting.name)")
        #expect(
          words.contains("\(setting.help) Takes \(setting.allowed)."),
          "\(setting.name)")
      }
    }
    expectAll(RunKeys.all, in: try cohort(["recipes", "keys"]))
    expectAll(StudyKeys.all, in: try cohort(["scale", "keys"]))
    for method in methodCatalog { expectAll(method.options, prefix: "method.", in: try cohort(["methods", method.name])) }
    for network in networkCatalog {
      expectAll(network.options, in: try cohort(["network", "describe", "--network", network.name]))
    }

    let found = try cohort(["recipes", "keys", "LearningRate"])
    #expect(found.contains("optimizer.learningRate: (nothing)\n") && !found.contains("momentum"), "\(found)")
    let json = try JSONSerialization.jsonObject(with: Data(try cohort(["recipes", "keys", "--json"]).utf8)) as? [[String: Any]]
    #expect(json?.compactMap { $0["name"] as? String } == RunKeys.all.map { $0.name })
    for (arguments, hint) in [
      (["recipes", "keys", "zzz"], "recipes keys"), (["scale", "keys", "zzz"], "scale keys"), (["methods", "relief"], "relif"),
    ] {
      let (status, output) = try runAlone(arguments, executable: "cohort")
      #expect(status == 3 && output.contains(hint) && output.split(separator: "\n").count == 1, "\(output)")
    }
  }

  @Test func describeCountsParametersAndWorkWithoutMakingTheNetwork() throws {
    let large = try cohort(["network", "describe", "--network", "stunet", "--option", "variant=H", "--classes", "105"])
    #expect(large.contains("stunet: 1457326221 parameters in 306 arrays") && large.contains("divide by 32, 32, 32"))
    let json = try cohort(["network", "describe", "--network", "unet3d", "--patch", "128,128,128", "--json"])
    let facts = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(facts["parameterCount"] as? Int == 5_884_050)
    #expect(abs(try #require(facts["gigaMultiplyAdds"] as? Double) - 144.57) < 0.005)
    let (status, output) = try runAlone(
      ["network", "describe", "--network", "vnet", "--patch", "16,16,16"], executable: "cohort")
    #expect(status == 3 && output.contains("single voxel") && output.contains("double"))
  }
}
