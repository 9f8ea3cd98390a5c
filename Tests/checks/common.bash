# What the checks share: programs, a scratch folder that goes away, mpirun with a time limit. Source it from the root of the
# repository.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
cohort=$PWD/.build/release/cohort
scenarios=$PWD/.build/release/cohort-scenarios
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }

# ranks N PROGRAM ARGUMENTS: at most ten minutes.
ranks() { local n=$1; shift; timeout -k 10 600 mpirun --oversubscribe -n "$n" "$@"; }

build() {
  swift build -c release --explicit-target-dependency-import-check error --product "$1" > "$scratch/build.log" 2>&1 ||
    { cat "$scratch/build.log"; fail "building $1"; }
}

# A small made-up cohort in $scratch/packs.
make_data() {
  "$cohort" synthesize --output "$scratch/raw" --subjects 8 --labelled 2 --seed 3 --spacing 4 > "$scratch/data.log"
  "$cohort" prepare "$scratch/raw" --output "$scratch/packs" >> "$scratch/data.log"
}

# run_file: a run file of supervised training on that cohort in $scratch/run.yaml, for the run folder $scratch/run; its other lines
# are read from standard input.
run_file() {
  { printf '%s\n' "data: $scratch/packs" "output: $scratch/run" "method: supervised"; cat; } > "$scratch/run.yaml"
}
