#!/usr/bin/env bash
# Faults on purpose, for `make check-cluster`: 20 random ones on three ranks, a rank of eight killed from outside, rank 0 and another stopped together,
# and, as root, a machine whose network is cut without a word. A line for each trial, a summary, exit code 1 if any failed.
#
# Each trial asks: are all processes gone in time, and does one message name the culprit? Bounds of shared/spec/distributed.md 3.3: 10 s after a death,
# deadline + 10 s for a hang, 30 s for a cut.
set -uo pipefail
cd "$(dirname "$0")/../.."
cohort=$PWD/.build/release/cohort
trials=${TRIALS:-20}
deadline=5
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
work=$(mktemp -d)
failures=0
namespaces=()

clean_up() {
  kill_marked
  for name in "${namespaces[@]}"; do
    [ -f "$work/$name.sshd" ] && kill "$(cat "$work/$name.sshd")" 2>/dev/null
    ip netns del "$name" 2>/dev/null
  done
  [ ${#namespaces[@]} -gt 0 ] && ip link del cohort-bridge 2>/dev/null
  rm -rf "$work"
}
trap clean_up EXIT

now() { date +%s%N; }
# Seconds since $1, with one decimal.
since() { echo "$((($(now) - $1) / 100000000))" | sed 's/\(.*\)\(.\)$/\1.\2/; s/^\./0./'; }
# The processes of this script's jobs, by a mark in their environment.
marked() { grep -lsz "^COHORT_CHECK=$work$" /proc/[0-9]*/environ 2>/dev/null | sed 's|/proc/\([0-9]*\)/.*|\1|' | grep -vx "$$"; }
kill_marked() { for process in $(marked); do kill -9 "$process" 2>/dev/null; done; }
# The processes that are ranks of a run folder.
ranks() { for process in $(marked); do tr '\0' ' ' < "/proc/$process/cmdline" 2>/dev/null | grep -q "^[^ ]*cohort train .*output=$1 " && echo "$process"; done; }
# Rank $2 of the run folder $1 as a process number.
rank() { for process in $(ranks "$1"); do grep -qsz "^OMPI_COMM_WORLD_RANK=$2$" "/proc/$process/environ" && echo "$process"; done; }

# Waits, $2 seconds at most, until all processes of a job are gone.
gone() {
  local start=$1 limit=$2
  while [ -n "$(marked)" ]; do
    [ $((($(now) - start) / 1000000000)) -ge "$limit" ] && return 1
    sleep 0.2
  done
}

# report NAME START LIMIT LOG PATTERN: the verdict on a trial whose fault struck at START.
report() {
  local name=$1 start=$2 limit=$3 log=$4 pattern=$5 verdict=ok messages
  gone "$start" "$limit" || verdict="FAILED: processes left after $limit s"
  local seconds; seconds=$(since "$start")
  kill_marked
  messages=$(grep -c '^cohort: rank' "$log")
  [ "$messages" -eq 1 ] || verdict="FAILED: $messages messages"
  grep -q "^cohort: rank.*$pattern" "$log" || verdict="FAILED: the message does not name the culprit ($pattern)"
  [ "$verdict" = ok ] || { failures=$((failures + 1)); sed 's/^/    /' "$log" | tail -n 20; }
  printf '%-44s %6s s  (limit %2s s)  %s\n' "$name" "$seconds" "$limit" "$verdict"
}

# start RANKS RUN [arguments of mpirun]: trains in the background; the log is RUN.log.
start() {
  local count=$1 run=$2; shift 2
  COHORT_CHECK=$work timeout 300 mpirun -n "$count" "$@" "$cohort" train "$work/run.yaml" "watch.deadline=$deadline" "output=$run" \
    > "$run.log" 2>&1 &
}

# Waits until a run has written the line of a step.
reach() { for _ in $(seq 600); do grep -qs "\"step\":$2[,}]" "$1/metrics.jsonl" && return; sleep 0.1; done; echo "$1 never reached step $2"; exit 1; }

"$cohort" synthesize --output "$work/raw" --subjects 8 --labelled 2 --seed 3 --spacing 4 > /dev/null || exit 1
"$cohort" prepare "$work/raw" --output "$work/packs" > /dev/null || exit 1
cat > "$work/run.yaml" <<END
data: $work/packs
output: $work/unused
method: supervised
network: {name: unet3d, base: 2}
patch: [16, 16, 32]
steps: 100000
lanes: 8
checkpoint: {every: 10}
END

RANDOM=${SEED:-7}
kinds=(kill stop trap segv memory stall error mpi-error hdf5-error)
for trial in $(seq "$trials"); do
  kind=${kinds[$((RANDOM % ${#kinds[@]}))]} culprit=$((RANDOM % 3)) step=$((5 + RANDOM % 20)) run=$work/trial-$trial
  COHORT_FAULT=$kind:rank=$culprit,step=$step start 3 "$run"
  # The step before is the last that all ranks finish.
  reach "$run" $((step - 1))
  case $kind in stop | stall) limit=$((deadline + 10)) ;; *) limit=10 ;; esac
  report "$trial. $kind of rank $culprit at step $step" "$(now)" "$limit" "$run.log" "rank $culprit of 3 on .*load of step $step"
done

start 8 "$work/eight"
reach "$work/eight" 5
kill -9 "$(rank "$work/eight" 5)"
report "kill -9 of rank 5 of 8" "$(now)" 10 "$work/eight.log" "rank 5 of 8 on"

start 3 "$work/two"
reach "$work/two" 5
kill -STOP $(rank "$work/two" 0) $(rank "$work/two" 1)
report "SIGSTOP of ranks 0 and 1 of 3" "$(now)" $((deadline + 10)) "$work/two.log" "rank 0 of 3 on"

. Tests/checks/cut.bash
[ $failures -eq 0 ] && echo "all trials as they should be" || { echo "$failures trials failed"; exit 1; }
