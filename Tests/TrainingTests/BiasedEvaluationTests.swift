// Bias settings as users write them and what they do to a volume; the caveat of the prior; names of methods.

import Preparation
import Testing
import Training
import Volumes

@Suite struct BiasedEvaluationTests {
  @Test func settingsAreTwoStrengths() {
    #expect(BiasSetting("0.15,0.05") == BiasSetting(multiplicative: 0.15, additive: 0.05))
    #expect(BiasSetting("0,0") == BiasSetting(multiplicative: 0, additive: 0))
    for text in ["", "0.1", "0.1,0.2,0.3", "1,0", "-0.1,0", "0.1,-1", "a,b", "0.1,nan", "0.1,"] {
      #expect(BiasSetting(text) == nil)
    }
  }

  @Test func aVolumeHasOneFieldAtExactlyItsStrengths() {
    let volume = TinyCohort.phantom("test-1", .test)
    func biased(_ setting: BiasSetting) -> [Float] {
      var copy = volume
      setting.apply(to: &copy)
      return copy.image
    }
    let isUnchanged = biased(BiasSetting(multiplicative: 0, additive: 0)) == volume.image
    #expect(isUnchanged)
    let (m, a) = SOBF(preset: .paper).fields(
      extent: volume.extent, strengths: (0.15, 0.05), seed: BiasSetting.seed, volume: "test-1", draw: 0)
    let expected = volume.image.indices.map { volume.image[$0] * m[$0] + a[$0] }
    let isExpected = biased(BiasSetting(multiplicative: 0.15, additive: 0.05)) == expected
    #expect(isExpected)
  }

  @Test func caveatsNameTheBenchmarksThatThePriorHasSeen() {
    for (names, cases) in [
      (["BraTS2019"], []), (["tumours"], ["BraTS19_TCIA02_370_1", "other"]), (["Dataset001_brats"], []),
      (["LA"], []), (["", "MR of the left atrium, 2018 challenge"], []), (["hearts"], ["0RZDK210BSMWAA6467LU"]),
    ] { #expect(priorCaveat(names: names, cases: cases)?.hasPrefix("Caveat: the frozen prior SAM-Med3D") == true, "\(names)") }
    for (names, cases) in [
      (["AMOS22", "abdominal organs"], ["amos_0001"]), (["la rate et le foie"], ["case_1"]), (["Heart"], []),
      (["hearts"], ["0RZDK210BSMWAA6467LU", "case_1"]),
    ] { #expect(priorCaveat(names: names, cases: cases) == nil, "\(names)") }
  }

  @Test func methodsAreNamedByTheUserOrByTheirFolder() {
    #expect(NamedPath("ours=runs/a").name == "ours" && NamedPath("ours=runs/a").path == "runs/a")
    #expect(NamedPath("runs/relif/").name == "relif" && NamedPath("runs/relif/").path == "runs/relif/")
  }
}
