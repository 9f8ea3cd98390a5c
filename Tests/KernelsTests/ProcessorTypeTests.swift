// Which kernels OpenBLAS is told to take where it does not know the processor.

import Kernels
import Testing

@Suite struct ProcessorTypeTests {
  @Test(arguments: [
    ("Prescott", "OpenBLAS 0.3.21 DYNAMIC_ARCH", 512, "SkylakeX"), ("Prescott", "OpenBLAS 0.3.21 DYNAMIC_ARCH", 256, "Haswell"),
    ("Nehalem", "OpenBLAS DYNAMIC_ARCH", 256, "Haswell"),
  ])
  func anUnknownProcessorGetsKernelsForItsVectors(chosen: String, configuration: String, bits: Int, better: String) {
    #expect(betterOpenBLASCore(chosen: chosen, configuration: configuration, vectorBits: bits) == better)
  }

  @Test(arguments: [
    ("Zen", "OpenBLAS DYNAMIC_ARCH", 512), ("Cooperlake", "OpenBLAS DYNAMIC_ARCH", 512),
    ("Prescott", "OpenBLAS DYNAMIC_ARCH", 128),
    ("Prescott", "OpenBLAS for one type", 512),
  ])
  func aFittingOrAFixedChoiceStays(chosen: String, configuration: String, bits: Int) {
    #expect(betterOpenBLASCore(chosen: chosen, configuration: configuration, vectorBits: bits) == nil)
  }
}
