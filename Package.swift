// swift-tools-version: 6.2
// The architecture: targets stand bottom-up, and a target may use only targets above it in this file.
// Build with `--explicit-target-dependency-import-check error` (the Makefile does), so that an import that is not listed here fails.

import PackageDescription

/// A system library: a module map and a shim header in `Sources/<name>`. `pkgConfig` only for libraries outside the system's folders: zlib's,
/// for one, names these, and the linker would look there before the folder of another oneDNN that the Makefile is given.
func library(_ name: String, pkgConfig: String? = nil, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")

/// A module and its tests in `Tests/<name>Tests`; `pages` lie in its folder beside the README; `fixtures` when the tests find
/// golden files in their folder `Fixtures`.
func module(
  _ name: String, _ dependencies: [Target.Dependency], pages: [String] = [], resources: [Resource] = [],
  tests: [Target.Dependency] = [], fixtures: Bool = false
) -> [Target] {
  [
    .target(name: name, dependencies: dependencies, exclude: ["README.md"] + pages, resources: resources),
    .testTarget(
      name: "\(name)Tests", dependencies: ["TestSupport", .target(name: name)] + dependencies + tests,
      exclude: fixtures ? ["Fixtures"] : []),
  ]
}

/// The layers, bottom-up: a target stands below all that use it.
let layers: [[Target]] = [
  // 0. System libraries, each reached through one shim, and our own C.
  [
    library("CMPI", pkgConfig: "ompi-c", apt: "libopenmpi-dev"),
    library("CHDF5", pkgConfig: "hdf5-openmpi", apt: "libhdf5-openmpi-dev"),
    library("COneDNN", apt: "libdnnl-dev"),
    library("COpenBLAS", pkgConfig: "openblas", apt: "libopenblas-openmp-dev"),
    library("COpenMP", apt: "gcc"),
    library("CPNG", apt: "libpng-dev"),
    library("CFreeType", pkgConfig: "freetype2", apt: "libfontconfig-dev"),
    library("CZlib", apt: "zlib1g-dev"),
    // nifticlib (apt install libnifti2-dev); a target of ours because its headers need a search path that no pkg-config file gives.
    .target(name: "CNIfTI"),
    // Loops that the compiler vectorises for each processor type.
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3", "-fno-math-errno"])], linkerSettings: [.linkedLibrary("m")]),
    // Weights that come with the program, as a part of it.
    .target(
      name: "CDemoWeights", exclude: ["demo-prior.safetensors", "demo-sam.safetensors"], cSettings: [.headerSearchPath(".")]),
    // What the tests share: golden files, tolerances, launching mpirun with a time limit.
    .target(name: "TestSupport", path: "Tests/TestSupport"),
  ],
  // 1. Fast loops over floats, the only door to oneDNN and OpenBLAS; the only door to MPI; files that are never half written; tables of settings.
  module("Kernels", ["COneDNN", "COpenBLAS", "COpenMP", "CKernels"], pages: ["LIBRARIES.md"]),
  module("MPI", ["CMPI"]),
  module("Files", ["CZlib"]),
  module("Settings", [yams]),
  // 2. Tensors on a flat tape; the only door to HDF5.
  module("Tensors", ["Kernels"]),
  module("HDF5", ["CHDF5", "MPI"]),
  // 3. Parameters, losses, optimisers; medical volumes and their files.
  module("Learning", ["Tensors", "Kernels"], fixtures: true),
  module("Volumes", ["HDF5", "Files", "CNIfTI", "CZlib"]),
  // 4. Weights in files; students; what happens between a file and a batch; scores; where one volume lies in another; many ranks.
  module("Weights", ["Learning", "Tensors", "Kernels", "Files", "CDemoWeights"], fixtures: true),
  module("Networks", ["Learning", "Tensors", "Kernels", "Files", "Settings"], tests: ["Weights"], fixtures: true),
  module("Preparation", ["Volumes", "HDF5", "Tensors", "Kernels", "Files"], fixtures: true),
  module("Metrics", ["Volumes"], fixtures: true),
  module("Registration", ["Volumes", "Kernels"]),
  module("Cluster", ["MPI", "HDF5", "Files", "Learning", "Tensors", "Kernels"], pages: ["REPEATABILITY.md"]),
  // 5. One file for each method; how fast it runs and how fast it could; pictures and tables; nnU-Net's fingerprint and plan.
  module(
    "Methods", ["Networks", "Learning", "Tensors", "Kernels", "Preparation", "Volumes", "Settings"],
    pages: ["METHODS.md", "PRIORS.md"],
    fixtures: true),
  module(
    "Benchmarks",
    ["Networks", "Registration", "Preparation", "Volumes", "Cluster", "Learning", "Tensors", "Kernels", "MPI", "Files"]),
  module(
    "Reports", ["Metrics", "Volumes", "Files", "CPNG", "CFreeType", mustache],
    resources: ["page", "table", "run", "cases", "confidence", "scaling", "methods"].map {
      .embedInCode("Pages/Templates/\($0).mustache")
    }),
  module("Planning", ["Preparation", "Volumes", "Kernels", "Files", "Settings"], tests: ["Tensors"], fixtures: true),
  // 6. The loop, validation, prediction, run files.
  module(
    "Training",
    [
      "Methods", "Cluster", "Reports", "Metrics", "Registration", "Preparation", "Volumes", "Networks", "Weights", "Learning",
      "Tensors",
      "Kernels", "MPI", "HDF5", "Files", "Settings",
    ], pages: ["WATCHING.md", "STAGES.md", "KEYS.md"],
    resources: [
      .embedInCode("Recipes/few-labels.yaml"), .embedInCode("Recipes/relif-registration.yaml"),
      .embedInCode("Recipes/demo-relif.yaml"),
      .embedInCode("Recipes/demo-supervised.yaml"),
      .embedInCode("Recipes/nnunet.yaml"), .embedInCode("Recipes/liver-cps.yaml"), .embedInCode("Recipes/bcp.yaml"),
      .embedInCode("Recipes/sfr-mean-teacher.yaml"), .embedInCode("Recipes/sfr-plus-mean-teacher.yaml"),
    ], tests: ["cohort"], fixtures: true),
  // 7. Trained networks in the formats of other programs; how training scales: studies over numbers of nodes, and what follows from them.
  module(
    "Scaling",
    ["Training", "Reports", "Cluster", "Learning", "Volumes", "Tensors", "Kernels", "MPI", "Files", "Settings"],
    pages: ["STUDIES.md"], tests: ["cohort"]),
  module(
    "Export", ["Training", "Preparation", "Volumes", "Networks", "Weights", "Tensors", "Kernels", "Files"],
    resources: [
      .embedInCode("Bundle/inference.json"), .embedInCode("Bundle/network.py"), .embedInCode("Bundle/volumes.py"),
    ], tests: ["cohort"]),
  // 8. Methods compared on one data set.
  module(
    "Comparison", ["Scaling", "Training", "Reports", "Cluster", "MPI", "Files", "Tensors", "Settings"], tests: ["cohort"]),
  // 9. The command, and the programs that multi-rank tests start under mpirun.
  [
    .executableTarget(
      name: "cohort",
      dependencies: [
        "Comparison", "Scaling", "Export", "Training", "Planning", "Benchmarks", "Weights", "Reports", "Preparation", "Metrics",
        "Volumes",
        "Networks",
        "Learning",
        "Tensors",
        "Kernels", "Cluster", "MPI", "Methods", "Settings", "Files", argumentParser,
      ],
      exclude: ["README.md", "TUTORIAL.md", "demo.png"]),
    .executableTarget(
      name: "cohort-scenarios", dependencies: ["Cluster", "MPI", "HDF5", "Files", "Learning", "Tensors", "Kernels"],
      path: "Tests/Scenarios"),
    .testTarget(
      name: "CohortTests",
      dependencies: [
        "TestSupport", "cohort", "cohort-scenarios", "Training", "Volumes", "Weights", "Settings", "Methods", "Networks",
        "Preparation",
        "Scaling",
      ]),
  ],
]

let package = Package(
  name: "cohort",
  products: [.executable(name: "cohort", targets: ["cohort"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
  ],
  targets: layers.flatMap { $0 }
)
