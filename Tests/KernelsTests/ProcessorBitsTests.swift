// The promise that bits do not depend on the number of threads, on kernels of this processor and of older ones: those of AVX2 round in
// other ways than those of AVX-512, and a machine with AVX-512 would never run them. The kernels and shapes are in
// Tests/Scenarios/KernelBits.swift.

import Foundation
import TestSupport
import Testing

@Suite struct ProcessorBitsTests {
  @Test func bitsOfThisProcessorsKernelsAreTheSameOnAnyNumberOfThreads() throws {
    let run = try runAlone(["kernel-bits"], environment: ["OMP_WAIT_POLICY": "passive"])
    #expect(run.status == 0, "\(run.output)")
  }

  @Test(.enabled(if: processorHas("avx2") && processorHas("fma")))
  func bitsOfKernelsForAVX2AreTheSameOnAnyNumberOfThreads() throws {
    // oneDNN before 3.0 also knows the name of the second variable, before 2.5 no other.
    let run = try runAlone(
      ["kernel-bits"],
      environment: [
        "OPENBLAS_CORETYPE": "Haswell", "ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "OMP_WAIT_POLICY": "passive",
      ])
    #expect(run.status == 0 && run.output.contains("OpenBLAS for Haswell"), "\(run.output)")
  }
}

/// Whether Linux lists an instruction set among the flags of the processors.
private func processorHas(_ flag: String) -> Bool {
  let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  return text.split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ").contains { $0 == flag } ?? false
}
