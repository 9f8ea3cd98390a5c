#!/usr/bin/env bash
# Faults on purpose: 20 random ones on three ranks (TRIALS, SEED), a rank of eight killed from outside, ranks 0 and 1 stopped
# together, and, as root, a machine whose network is cut without a word (cut.bash). A line for each trial; exit code 1 if any
# failed. About five minutes.
#
# Each trial asks: are all processes gone in time, and does one message name the culprit? Bounds: 10 s after a death, deadline +
# 10 s for a hang, 30 s for a cut.
. "$(dirname "$0")/common.bash"
set +e # a trial that fails is counted, the others go on
. Tests/checks/cut.bash
export OMPI_MCA_rmaps_base_oversubscribe=1
deadline=5
failures=0

clean_up() {
  kill_marked
  join_machines
  rm -rf "$scratch"
}
trap clean_up EXIT

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
# The processes of this script's jobs, by a mark in their environment.
marked() { grep -lsz "^COHORT_CHECK=$scratch$" /proc/[0-9]*/environ 2> /dev/null | sed 's|/proc/\([0-9]*\)/.*|\1|'; }
kill_marked() { for process in $(marked); do kill -9 "$process" 2> /dev/null; done; }
# The process of a rank of the only job.
rank() { for process in $(marked); do grep -qsz "^OMPI_COMM_WORLD_RANK=$1$" "/proc/$process/environ" && echo "$process"; done; }

# report NAME SECONDS LOG PATTERN: the verdict on a trial whose fault has just struck. All must be gone within SECONDS, and a
# message match PATTERN.
report() {
  local name=$1 limit=$2 log=$3 pattern=$4 verdict=ok start messages taken
  start=$(milliseconds)
  while [ -n "$(marked)" ] && [ $(($(milliseconds) - start)) -lt $((limit * 1000)) ]; do sleep 0.1; done
  taken=$(($(milliseconds) - start))
  messages=$(grep -c '^cohort: rank' "$log")
  [ "$messages" -eq 1 ] || verdict="FAILED: $messages messages"
  grep -q "^cohort: $pattern" "$log" || verdict="FAILED: no message names the culprit ($pattern)"
  [ -z "$(marked)" ] || verdict="FAILED: processes are left"
  kill_marked
  [ "$verdict" = ok ] || { failures=$((failures + 1)); tail -n 20 "$log" | sed 's/^/    /'; }
  printf '%-42s %3d.%d s of %2d s  %s\n' "$name" $((taken / 1000)) $((taken % 1000 / 100)) "$limit" "$verdict"
}

# train RANKS RUN: in the background; the log is RUN.log.
train() { COHORT_CHECK=$scratch ranks "$1" "$cohort" train "$scratch/run.yaml" watch.deadline=$deadline "output=$2" > "$2.log" 2>&1 & }

# Waits until a run has written the line of a step.
reach() {
  for _ in $(seq 600); do grep -qs "\"step\":$2[,}]" "$1/metrics.jsonl" && return; sleep 0.1; done
  cat "$1.log"
  fail "$1 never reached step $2"
}

make_data || fail "making data"
run_file << END
network: {name: unet3d, base: 2}
patch: [16, 16, 32]
steps: 100000
lanes: 8
checkpoint: {every: 10}
END

RANDOM=${SEED:-7}
kinds=(kill stop trap segv memory stall error mpi-error hdf5-error)
for trial in $(seq "${TRIALS:-20}"); do
  kind=${kinds[$((RANDOM % ${#kinds[@]}))]} culprit=$((RANDOM % 3)) step=$((5 + RANDOM % 20)) run=$scratch/trial-$trial
  COHORT_FAULT=$kind:rank=$culprit,step=$step train 3 "$run"
  # The step before is the last that all ranks finish.
  reach "$run" $((step - 1))
  case $kind in stop | stall) limit=$((deadline + 10)) ;; *) limit=10 ;; esac
  report "$trial. $kind of rank $culprit at step $step" $limit "$run.log" "rank $culprit of 3 on .*load of step $step"
done

train 8 "$scratch/eight"
reach "$scratch/eight" 5
kill -9 "$(rank 5)"
report "kill -9 of rank 5 of 8" 10 "$scratch/eight.log" "rank 5 of 8 on"

train 3 "$scratch/two"
reach "$scratch/two" 5
kill -STOP "$(rank 0)" "$(rank 1)"
report "SIGSTOP of ranks 0 and 1 of 3" $((deadline + 10)) "$scratch/two.log" "rank 0 of 3 on"

# A pause is no fault: what is checked is that nobody is blamed, and that a rank which then fails still is.
train 3 "$scratch/paused"
reach "$scratch/paused" 5
everybody="$(rank 0) $(rank 1) $(rank 2)"
kill -STOP $everybody
sleep $((deadline + 15))
kill -CONT $everybody
sleep 5
[ -n "$(marked)" ] && ! grep -q '^cohort: rank' "$scratch/paused.log" || { failures=$((failures + 1)); echo "a pause of all ranks: FAILED"; }
kill -STOP "$(rank 1)"
# Within the grace after the pause and the silence of a rank.
report "SIGSTOP of rank 1 after a pause of all" $((2 * deadline + 25)) "$scratch/paused.log" "rank 1 of 3 on"

if part_machines; then
  train_apart "$scratch/cut"
  reach "$scratch/cut" 5
  cut_off
  report "a cut between two machines" 30 "$scratch/cut.log" "rank . of 4 on cohort-far gives no sign of life"
fi
[ $failures -eq 0 ] || fail "$failures trials"
echo "all trials ended as they should"
