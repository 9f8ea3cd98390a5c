#!/bin/bash
# A rank whose processor another program takes half of is named in the warning, with what it costs the other, and in the table of the report.
# Takes about a minute on 2 processors.
set -eu
cohort=${COHORT:-$PWD/.build/release/cohort}
folder=$(mktemp -d)
thief=
trap 'if [ -n "$thief" ]; then kill "$thief"; fi; rm -rf "$folder"' EXIT
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

"$cohort" synthesize --output "$folder/raw" --subjects 6 --labelled 2 --seed 3 --spacing 4 > "$folder/log"
"$cohort" prepare "$folder/raw" --output "$folder/packs" >> "$folder/log"
cat > "$folder/run.yaml" <<END
data: $folder/packs
output: $folder/run
method: supervised
network: {name: unet3d, base: 8}
patch: [32, 32, 32]
steps: 100
lanes: 2
END

taskset -c 1 bash -c 'while :; do :; done' &
thief=$!
timeout 300 mpirun --oversubscribe --bind-to none -n 1 taskset -c 0 "$cohort" train "$folder/run.yaml" \
  : -n 1 taskset -c 1 "$cohort" train "$folder/run.yaml" > "$folder/train.txt" 2>&1 || { cat "$folder/train.txt"; exit 1; }
"$cohort" report run "$folder/run" | tee "$folder/report.txt"

warning=$(grep '^warning: rank' "$folder/train.txt") || { echo "FAILED: no rank was named"; cat "$folder/train.txt"; exit 1; }
echo "$warning"
[ "$(wc -l <<< "$warning")" = 1 ] || { echo "FAILED: named more than once"; exit 1; }
grep -q "rank 1 on $(hostname) computes [1-9]" <<< "$warning" || { echo "FAILED: not rank 1"; exit 1; }
grep -q "^slowest      rank 1 " "$folder/report.txt" || { echo "FAILED: the report names another rank"; exit 1; }
echo "passed"
