#!/bin/bash
# Checkpoints never lose what was committed: jobs that are killed at every named moment of a save and at
# 200 random times, 1000 flipped bits, and every number of writers to every number of readers from 1 to 8. About ten minutes on two cores.
set -u
cd "$(dirname "$0")/../.."
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1
swift build -c release --explicit-target-dependency-import-check error --product cohort-scenarios || exit 1
PROGRAM=.build/release/cohort-scenarios
COUNT=700001
FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT

ranks() { timeout 60 mpirun --oversubscribe -n "$1" "${@:2}" >"$FOLDER/log" 2>&1; }
fail() { echo "FAILED: $*"; cat "$FOLDER/log"; exit 1; }
# killed RANKS BACKEND WHAT [MICROSECONDS]: a job that must end by SIGKILL and nothing else.
killed() {
  ranks "$1" "$PROGRAM" checkpoint-kill "$FOLDER/run" $COUNT "$2" ${4:-}
  [ $? -eq 137 ] || fail "$3 on $1 ranks, $2"
}

points="begin layout open slab close verify synchronize manifestWritten manifestNamed replaced commit latest retention"
for point in $points; do
  for number in 1 2; do
    COHORT_CHECKPOINT_KILL=$point:$number killed $((number + 1)) parallel "$point:$number"
    COHORT_CHECKPOINT_KILL=$point:$number killed $((4 - number)) gather "$point:$number"
  done
done
echo "killed at $(echo $points | wc -w) named moments, 4 times each: nothing lost"

RANDOM=20
for trial in $(seq 200); do
  backend=$([ $((trial % 4)) -eq 0 ] && echo gather || echo parallel)
  killed $((2 + trial % 2)) $backend "trial $trial" $((RANDOM * 20 % 600000))
done
ranks 1 "$PROGRAM" checkpoint-check "$FOLDER/run" $COUNT || fail "the last checkpoint"
echo "killed at 200 random times: nothing lost, step $(cat "$FOLDER/run.committed") reached"

"$PROGRAM" checkpoint-flips "$FOLDER/flips" 1000 7 >"$FOLDER/log" 2>&1 || fail "flipped bits"
echo "1000 flipped bits: all noticed, the checkpoint before was taken"

for writers in $(seq 8); do
  ranks "$writers" "$PROGRAM" checkpoint-save "$FOLDER/pairs" "$writers" $COUNT parallel || fail "saving on $writers ranks"
  for readers in $(seq 8); do
    ranks "$readers" "$PROGRAM" checkpoint-load "$FOLDER/pairs" "$writers" $COUNT || fail "$writers ranks to $readers"
  done
done
echo "saved on 1 to 8 ranks, loaded on 1 to 8: all pairs"
