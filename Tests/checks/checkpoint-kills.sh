#!/bin/bash
# Checkpoints never lose what was committed: jobs that are killed at every named moment of a save and at
# 200 random times, 1000 flipped bits, and every number of writers to every number of readers from 1 to 8. About ten minutes on two cores.
. "$(dirname "$0")/common.bash"
set +e # how a job ends is looked at
build cohort-scenarios
count=700001

# job RANKS SCENARIO...: at most a minute; what it says is shown if it fails the check.
job() { timeout 60 mpirun --oversubscribe -n "$1" "$scenarios" "${@:2}" > "$scratch/log" 2>&1; }
failed() { cat "$scratch/log"; fail "$*"; }
# killed RANKS BACKEND WHAT [MICROSECONDS]: a job that must end by SIGKILL and nothing else.
killed() {
  job "$1" checkpoint-kill "$scratch/run" $count "$2" ${4:-}
  [ $? -eq 137 ] || failed "$3 on $1 ranks, $2"
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
job 1 checkpoint-check "$scratch/run" $count || failed "the last checkpoint"
echo "killed at 200 random times: nothing lost, step $(cat "$scratch/run.committed") reached"

"$scenarios" checkpoint-flips "$scratch/flips" 1000 7 > "$scratch/log" 2>&1 || failed "flipped bits"
echo "1000 flipped bits: all noticed, the checkpoint before was taken"

for writers in $(seq 8); do
  job "$writers" checkpoint-save "$scratch/pairs" "$writers" $count parallel || failed "saving on $writers ranks"
  for readers in $(seq 8); do
    job "$readers" checkpoint-load "$scratch/pairs" "$writers" $count || failed "$writers ranks to $readers"
  done
done
echo "saved on 1 to 8 ranks, loaded on 1 to 8: all pairs"
