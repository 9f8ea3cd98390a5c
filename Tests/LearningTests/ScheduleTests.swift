// Schedules against those of published programs, and against closed forms to the last bit.

import Foundation
import Learning
import TestSupport
import Testing

@Suite struct ScheduleTests {
  /// The rates of nnU-Net's polynomial over 1000 epochs.
  @Test func thePolynomialIsNNUNets() throws {
    let file = golden("nnunet_training.safetensors"), epochs = try loadSafetensors(file)["poly.epochs"]!.floats
    let rates = try JSONDecoder().decode(
      [Double].self, from: Data(try #require(loadSafetensorsTexts(file)["poly.rate_exact"]).utf8))
    #expect(rates.count == epochs.count && rates.count >= 8)
    let polynomial = try Schedule(named: "polynomial", ScheduleSettings(epochSteps: 250))
    for (epoch, rate) in zip(epochs, rates) {
      // All steps of an epoch share the rate.
      for step in [0, 1, 249] {
        let found = polynomial.learningRate(at: 250 * Int(epoch) + step, of: 250 * 1000, base: 0.01)
        #expect(abs(found / rate - 1) < 1e-12, "epoch \(epoch), step \(step)")
      }
    }
  }

  /// Re-training and fine-tuning of SFR over 6000 steps: polynomials of base 0.01 and 0.001, drops every 2500 steps, a warm-up of 250.
  @Test(arguments: [
    ("lr.retrain_btcv", "polynomial", 0.01, 0), ("lr.retrain_la", "step", 0.01, 0), ("lr.finetune", "polynomial", 0.001, 0),
    ("lr.finetune_warmup", "polynomial", 0.001, 250),
  ])
  func ratesAreThoseOfSFR(rates: String, schedule: String, base: Double, warmUp: Int) throws {
    let tensors = try loadSafetensors(golden("sfr_steps.safetensors"))
    let steps = tensors[warmUp > 0 ? "lr.warmup_iterations" : "lr.iterations"]!.floats.map { Int($0) }
    let found = try Schedule(named: schedule, ScheduleSettings(warmUp: warmUp))
    for (step, rate) in zip(steps, tensors[rates]!.floats) where warmUp == 0 || step <= warmUp {
      #expect(abs(found.learningRate(at: step, of: 6000, base: base) / Double(rate) - 1) < 1e-6, "step \(step)")
    }
  }

  @Test func thePolynomialHasTheBitsOfItsFormula() throws {
    let polynomial = try Schedule(named: "polynomial")
    for step in [0, 1, 7, 2999, 5999] {
      let found = polynomial.learningRate(at: step, of: 6000, base: 0.01)
      #expect(found == 0.01 * pow(1 - Double(step) / 6000, 0.9))
    }
  }

  /// What SAM-Med3D's small relative is pretrained with: linear to 1e-3, then half a cosine to a hundredth of it.
  @Test func theCosineHasTheBitsOfItsFormula() throws {
    let schedule = try Schedule(named: "cosine", ScheduleSettings(minimum: 1e-5, warmUp: 100))
    for step in 0..<1000 {
      let progress = Double(step - 100) / 900
      let expected = step < 100 ? 1e-3 * Double(step + 1) / 100 : 1e-3 * (0.01 + 0.99 * 0.5 * (1 + cos(.pi * progress)))
      #expect(schedule.learningRate(at: step, of: 1000, base: 1e-3) == expected, "step \(step)")
    }
  }

  @Test(arguments: scheduleCatalog.map { $0.name }) func warmUpRisesToTheBaseAndTheRestFollows(name: String) throws {
    let plain = try Schedule(named: name, ScheduleSettings(stepSize: 7)), base = 0.5
    let warm = try Schedule(named: name, ScheduleSettings(stepSize: 7, warmUp: 4))
    #expect((0..<4).map { warm.learningRate(at: $0, of: 24, base: base) } == [0.125, 0.25, 0.375, 0.5])
    for step in 0..<20 {
      #expect(warm.learningRate(at: step + 4, of: 24, base: base) == plain.learningRate(at: step, of: 20, base: base))
    }
  }

  @Test func anUnknownNameIsRefusedWithTheKnownNames() {
    let error = #expect(throws: LearningError.self) { try Schedule(named: "poly") }
    #expect(error?.description == "there is no schedule \"poly\": choose one of polynomial, step, constant, cosine.")
  }
}
