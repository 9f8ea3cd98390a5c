// OpenBLAS finds its kernels in a table of processor models when it is loaded. A processor that is newer than the library is not in it and
// gets kernels for a Pentium 4 (Prescott): a sixth of the speed where there is AVX-512. The type can only be named in the environment, before
// the library is loaded, so the program starts itself again under the same process number.

import CKernels
import COpenBLAS
import Glibc

/// The processor type to tell OpenBLAS in place of its own choice; nil where that is right or cannot be changed.
/// - Parameters:
///   - chosen: what OpenBLAS has chosen.
///   - configuration: how it was built; only with DYNAMIC_ARCH does it hold kernels of several types.
///   - vectorBits: width of the processor's vectors, 512 with AVX-512, 256 with AVX2, else 128.
package func betterOpenBLASCore(chosen: String, configuration: String, vectorBits: Int) -> String? {
  let wide = ["Haswell", "Zen", "SkylakeX", "Cooperlake", "Sapphirerapids"]
  guard configuration.contains("DYNAMIC_ARCH"), !wide.contains(chosen) else { return nil }
  return vectorBits >= 512 ? "SkylakeX" : vectorBits >= 256 ? "Haswell" : nil
}

/// Call it first in a program, before there are threads, files or MPI: returns where nothing is to be changed. A type that the user has
/// named stays.
public func startAgainWithFittingOpenBLAS() {
  let variable = "OPENBLAS_CORETYPE", mark = "COHORT_OPENBLAS_CORETYPE"
  if getenv(mark) != nil {
    // What this process starts may run on other processors.
    unsetenv(mark)
    unsetenv(variable)
    return
  }
  let configuration = String(cString: openblas_get_config()), bits = Int(cohort_vector_bits())
  guard getenv(variable) == nil,
    let better = betterOpenBLASCore(chosen: openBLASCore, configuration: configuration, vectorBits: bits),
    let program = realpath("/proc/self/exe", nil)
  else { return }
  setenv(variable, better, 1)
  setenv(mark, better, 1)
  execv(program, CommandLine.unsafeArgv)
  // Not replaced: slow, but right.
  unsetenv(mark)
  unsetenv(variable)
  free(program)
}
