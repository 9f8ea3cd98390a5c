// SPMD programs for the multi-rank tests: `mpirun -n R cohort-scenarios NAME [arguments]`; exit code 0 means that all of it held.

@main
struct Scenarios {
  static func main() { print("no scenario named") }
}
