// SAM from files: on another canvas, for other classes, with adapters of a run or of SAMed, merged into one file; and files that are something else.

import Foundation
import Learning
import Networks
import Tensors
import TestSupport
import Testing
import Training
import Weights

@Suite struct SAMFileTests {
  private func withSAM(_ body: (String, SAMFile) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try TinySAM.write(to: folder + "/sam.safetensors")
      try body(folder, try SAMFile(checkpoint: folder + "/sam.safetensors"))
    }
  }

  private func values(_ parameters: any ParameterTable, _ name: String) -> [Float] { parameters[name].value.values }

  /// Rows of a table that is stretched from `count` to `length` rows, half-pixel centres.
  private func stretched(_ rows: [[Double]], to length: Int) -> [[Double]] {
    (0..<length).map { row in
      let place = min(max((Double(row) + 0.5) * Double(rows.count) / Double(length) - 0.5, 0), Double(rows.count - 1))
      let below = Int(place), above = min(below + 1, rows.count - 1), share = place - Double(below)
      return zip(rows[below], rows[above]).map { (1 - share) * $0 + share * $1 }
    }
  }

  private func rows(_ values: [Float], of length: Int) -> [[Double]] {
    stride(from: 0, to: values.count, by: length).map { values[$0..<$0 + length].map(Double.init) }
  }

  @Test(arguments: [32, 128]) func positionsAreStretchedToAnotherCanvas(canvas: Int) throws {
    try withSAM { _, file in
      let plan = try file.plan.resized(canvas: canvas), loaded = try file.frozenParameters(plan).parameters
      let (from, to, e) = (file.plan.grid, plan.grid, plan.embedding), state = TinySAM.state()
      // Along rows of the plane, then along columns.
      let table = state["image_encoder.pos_embed"]!.values
      let down = stretched(rows(table, of: from * e), to: to)
      let expected = down.flatMap { row in
        stretched(stride(from: 0, to: row.count, by: e).map { Array(row[$0..<$0 + e]) }, to: to).flatMap { $0 }
      }
      #expect(loaded["image_encoder.pos_embed"].shape == [1, to, to, e])
      #expect(differenceOverRange(values(loaded, "image_encoder.pos_embed"), expected.map { Float($0) }) < 1e-6)
      let distances = "image_encoder.blocks.1.attn.rel_pos_h"
      let line = stretched(rows(state[distances]!.values, of: plan.headSize), to: 2 * to - 1).flatMap { $0 }
      #expect(differenceOverRange(values(loaded, distances), line.map { Float($0) }) < 1e-6)
      // Windows have as many tokens as before.
      #expect(values(loaded, "image_encoder.blocks.0.attn.rel_pos_w") == state["image_encoder.blocks.0.attn.rel_pos_w"]!.values)
      let logits = TinySAM.logits(try TinySAM.adapted(file, classes: 2, canvas: canvas).network)
      #expect(logits.count == 2 * plan.lowResolution * plan.lowResolution && logits.allSatisfy(\.isFinite))
    }
  }

  @Test func otherClassesMakeMasksAnewAndKeepTheRestOfTheDecoder() throws {
    try withSAM { _, file in
      let state = TinySAM.state(), sam = try TinySAM.adapted(file, classes: 3, isRandom: false)
      var plan = file.plan
      plan.masks = 3
      let fresh = AdaptedSAM(plan, frozen: try file.frozenParameters(plan).parameters, rank: 2, seed: 1)
      for parameter in sam.trained.parameters where AdaptedSAM.isTrained(parameter.name) {
        let isFresh = AdaptedSAM.dependsOnMasks(parameter.name)
        let expected = isFresh ? values(fresh.trained, parameter.name) : state[parameter.name]!.values
        #expect(parameter.value.values == expected, "\(parameter.name)")
      }
      // On demand the first two are SAM's own.
      try file.loadDecoder(into: fresh, reusesMasks: true)
      let tokens = values(fresh.trained, "mask_decoder.mask_tokens.weight"),
        own = state["mask_decoder.mask_tokens.weight"]!.values
      #expect(Array(tokens.prefix(own.count)) == own && tokens.count == own.count / 2 * 3)
      for (mask, isOwn) in [(0, true), (1, true), (2, false)] {
        let name = "mask_decoder.output_hypernetworks_mlps.\(mask).layers.0.weight"
        #expect((values(fresh.trained, name) == state[name]?.values) == isOwn)
      }
    }
  }

  @Test func filesOfSomethingElseAreRefused() throws {
    try withSAM { folder, file in
      let sam = try TinySAM.adapted(file, classes: 3), adapters = folder + "/adapters.safetensors", text = folder + "/text.pth"
      try AdapterFile.write(sam, base: file.weights, title: "t", to: adapters)
      try "not weights".write(toFile: text, atomically: true, encoding: .utf8)
      let relative = neighbour("sam_med3d_tiny.safetensors")
      for (path, hint) in [
        (relative, "no weights of SAM"), (adapters, "LoRA alone"), (text, "text.pth"), (folder + "/none.pth", "none.pth"),
      ] {
        let error = #expect(throws: TrainingError.self) { try SAMFile(checkpoint: path) }
        #expect(
          error?.description.hasPrefix("sam.checkpoint: ") == true && error?.description.contains(hint) == true, "\(error!)")
        #expect(error?.description.contains(path) == true && error?.description.contains("\n") == false)
      }
    }
  }

  /// A golden file of the tests of networks.
  private func neighbour(_ name: String) -> String {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return golden(name, beside: tests.appendingPathComponent("NetworksTests/any.swift").path)
  }

  // MARK: Adapters

  @Test func adaptersComeBackFromTheirFile() throws {
    try withSAM { folder, file in
      let path = folder + "/adapters.safetensors", sam = try TinySAM.adapted(file, classes: 3)
      try AdapterFile.write(sam, base: file.weights, title: "t", to: path)
      let again = try TinySAM.adapted(file, classes: 3, seed: 99), before = TinySAM.logits(again.network)
      #expect(before != TinySAM.logits(sam.network))
      _ = try AdapterFile.load(path, into: again, base: file.weights)
      #expect(TinySAM.logits(again.network) == TinySAM.logits(sam.network))
    }
  }

  @Test func adaptersThatDoNotFitAreRefused() throws {
    try withSAM { folder, file in
      let path = folder + "/adapters.safetensors", sam = try TinySAM.adapted(file, classes: 3)
      try AdapterFile.write(sam, base: file.weights, title: "t", to: path)
      let others: [(String, AdaptedSAM, UInt64, String)] = [
        (path, try TinySAM.adapted(file, classes: 3, rank: 4), file.weights, "w_a_000 has shape [2, 16]"),
        (path, try TinySAM.adapted(file, classes: 4), file.weights, "mask_decoder"),
        (golden("sam_lora_tiny_adapter.pth"), sam, file.weights, "belongs to a SAM of"),
        (path, sam, file.weights ^ 1, "was trained on another SAM"),
        (folder + "/sam.safetensors", sam, file.weights, "holds no LoRA"),
        (folder + "/none.pth", sam, file.weights, "none.pth"),
      ]
      for (path, sam, base, hint) in others {
        let before = sam.trained.values.values
        let error = #expect(throws: TrainingError.self) { try AdapterFile.load(path, into: sam, base: base) }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("sam.adapters: ") && text.contains(path) && text.contains(hint) && !text.contains("\n"), "\(text)")
        #expect(sam.trained.values.values == before, "nothing is half loaded")
      }
    }
  }

  /// SAMed's own file over its SAM gives the original's logits.
  @Test func aFileOfSAMedGivesTheOriginalsLogits() throws {
    let path = neighbour("sam_lora_tiny.safetensors"), tensors = try loadSafetensors(path), file = try SAMFile(checkpoint: path)
    let expected = try #require(tensors["lowres_logits"]), input = try #require(tensors["input"]), classes = expected.shape[1]
    let rank = try #require(tensors["lora.w_a_000"]).shape[0], side = file.plan.canvas,
      pixels = expected.shape[2] * expected.shape[3]
    var plan = file.plan
    plan.masks = classes
    let sam = AdaptedSAM(plan, frozen: try file.frozenParameters(plan).parameters, rank: rank, seed: 77)
    _ = try AdapterFile.load(golden("sam_lora_tiny_adapter.pth"), into: sam, base: file.weights)
    for b in 0..<input.shape[0] {
      let image = Tensor(Array(input.floats[b * side * side..<(b + 1) * side * side]), shape: [1, 1, side, side, 1])
      let tape = Tape(recording: false)
      let logits = sam.network.logits(embedding: sam.network.embedding(image, on: tape), on: tape).values
      let golden = (0..<pixels * classes).map { expected.floats[(b * classes + $0 % classes) * pixels + $0 / classes] }
      #expect(differenceOverRange(logits, golden) < 1e-5)
    }
  }

  // MARK: Merging

  @Test(arguments: [2, 3]) func theMergedFileIsTheAdaptedNetwork(classes: Int) throws {
    try withSAM { folder, file in
      let sam = try TinySAM.adapted(file, classes: classes), adapters = folder + "/a.safetensors",
        output = folder + "/m.safetensors"
      #expect(differenceOverRange(TinySAM.logits(sam.merged()), TinySAM.logits(sam.network)) < 1e-5)
      let plain = try TinySAM.adapted(file, classes: classes, isRandom: false)
      #expect(differenceOverRange(TinySAM.logits(plain.network), TinySAM.logits(sam.network)) > 1e-3, "LoRA acts")
      try AdapterFile.write(sam, base: file.weights, title: "t", to: adapters)
      let line = try mergeAdapters(base: file.path, adapters: adapters, to: output)
      #expect(line.contains("\(classes) classes"))
      let merged = try SAMFile(checkpoint: output), names = try Set(WeightFile(output).entries.map(\.name))
      #expect(merged.plan.masks == classes && names == Set(SAM.specification(merged.plan).map(\.name)))
      for canvas in [64, 128] {
        // Without LoRA of its own the file is a network for these classes.
        let again = try TinySAM.adapted(merged, classes: classes, canvas: canvas, seed: 50, isRandom: false)
        let expected = try TinySAM.adapted(file, classes: classes, canvas: canvas)
        _ = try AdapterFile.load(adapters, into: expected, base: file.weights)
        #expect(differenceOverRange(TinySAM.logits(again.network), TinySAM.logits(expected.network)) < 1e-5)
      }
      // Its own output is replaced; what it reads and what others made is not.
      _ = try mergeAdapters(base: file.path, adapters: adapters, to: output)
      for (path, hint) in [(adapters, "is read"), (file.path, "is read"), (folder + "/m.pth", ".safetensors")] {
        #expect { try mergeAdapters(base: file.path, adapters: adapters, to: path) } throws: { "\($0)".contains(hint) }
      }
      #expect { try mergeAdapters(base: output, adapters: adapters, to: folder + "/n.safetensors") } throws: {
        "\($0)".contains("another SAM")
      }
    }
  }

  /// SAMed's files do not name their SAM, so that a second merge could not be told from a first one.
  @Test func nothingIsMergedTwice() throws {
    try withTemporaryFolder { folder in
      let base = neighbour("sam_lora_tiny.safetensors"), adapters = golden("sam_lora_tiny_adapter.pth"),
        output = folder + "/m.safetensors"
      _ = try mergeAdapters(base: base, adapters: adapters, to: output)
      #expect { try mergeAdapters(base: output, adapters: adapters, to: folder + "/n.safetensors") } throws: {
        "\($0)".contains("--base: \(output) has LoRA merged already: name the SAM that \(adapters)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/n.safetensors"))
    }
  }
}
