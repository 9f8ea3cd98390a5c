#!/bin/bash
# A rank that is made slow is named in the warning, with what it costs the other, and in the report. Slow: halted for 6 of every 10
# hundredths of a second. Takes about a minute on 2 processors.
. "$(dirname "$0")/common.bash"
job=
trap '[ -z "$job" ] || kill "$job" 2> /dev/null || true; rm -rf "$scratch"' EXIT

make_data
run_file << END
network: {name: unet3d, base: 8}
patch: [32, 32, 32]
steps: 100
lanes: 2
END

timeout 300 mpirun --oversubscribe --bind-to none -n 2 "$cohort" train "$scratch/run.yaml" > "$scratch/train.txt" 2>&1 &
job=$!
log=$scratch/run/logs/rank-0001.attempt-01.log
until grep -qs 'rank 1 of 2' "$log"; do kill -0 "$job" || { cat "$scratch/train.txt"; exit 1; }; sleep 0.1; done
slow=$(sed -n 's/.* process \([0-9]*\),.*/\1/p' "$log")
while kill -STOP "$slow" 2> /dev/null; do sleep 0.06; kill -CONT "$slow" 2> /dev/null || true; sleep 0.04; done
wait "$job" || { cat "$scratch/train.txt"; exit 1; }
job=
"$cohort" report run "$scratch/run" | tee "$scratch/report.txt"

warning=$(grep '^warning: rank' "$scratch/train.txt") || { cat "$scratch/train.txt"; fail "no rank was named"; }
echo "$warning"
[ "$(wc -l <<< "$warning")" = 1 ] || fail "named more than once"
grep -q "rank 1 on $(hostname) computes [1-9][0-9.]* times as long" <<< "$warning" || fail "not rank 1"
grep -q "^slowest      rank 1 " "$scratch/report.txt" || fail "the report names another rank"
echo "passed"
