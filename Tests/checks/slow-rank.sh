#!/bin/bash
# A rank that is made slow is named in the warning, with what it costs the other, and in the report. Slow: halted for 6 of every 10
# hundredths of a second. Takes about a minute on 2 processors.
set -eu
cohort=${COHORT:-$PWD/.build/release/cohort}
folder=$(mktemp -d)
job=
trap 'if [ -n "$job" ]; then kill "$job" 2> /dev/null || true; fi; rm -rf "$folder"' EXIT
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

timeout 300 mpirun --oversubscribe --bind-to none -n 2 "$cohort" train "$folder/run.yaml" > "$folder/train.txt" 2>&1 &
job=$!
log=$folder/run/logs/rank-0001.attempt-01.log
until grep -qs 'rank 1 of 2' "$log"; do kill -0 "$job" || { cat "$folder/train.txt"; exit 1; }; sleep 0.1; done
slow=$(sed -n 's/.* process \([0-9]*\),.*/\1/p' "$log")
while kill -STOP "$slow" 2> /dev/null; do sleep 0.06; kill -CONT "$slow" 2> /dev/null || true; sleep 0.04; done
wait "$job" || { cat "$folder/train.txt"; exit 1; }
job=
"$cohort" report run "$folder/run" | tee "$folder/report.txt"

warning=$(grep '^warning: rank' "$folder/train.txt") || { echo "FAILED: no rank was named"; cat "$folder/train.txt"; exit 1; }
echo "$warning"
[ "$(wc -l <<< "$warning")" = 1 ] || { echo "FAILED: named more than once"; exit 1; }
grep -q "rank 1 on $(hostname) computes [1-9][0-9.]* times as long" <<< "$warning" || { echo "FAILED: not rank 1"; exit 1; }
grep -q "^slowest      rank 1 " "$folder/report.txt" || { echo "FAILED: the report names another rank"; exit 1; }
echo "passed"
