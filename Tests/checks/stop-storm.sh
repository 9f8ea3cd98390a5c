#!/usr/bin/env bash
# Jobs that are stopped at random times, from before MPI has started to the middle of a step: none may crash, and each stop must be obeyed.
#
#   Tests/checks/stop-storm.sh            200 jobs of two ranks, half of them under Slurm where there is one; about twenty minutes
#   Tests/checks/stop-storm.sh 20         so many; SEED=7 chooses other times
#   MALLOC=check Tests/checks/stop-storm.sh     with glibc's checks of the heap
#
# USR1 or TERM goes to mpirun or srun. USR1 to a job that is up must end it with code 75 and a checkpoint. Before, any end will do: the signal may find
# no handler (138), and mpirun gives up where its helper on the other node is not there yet (244). It forgets a signal that comes before it has
# started the ranks, so that it is repeated, as `cohort launch` and slurm/train.sbatch do. At TERM mpirun and srun kill the ranks. Every second job
# computes as a processor without AVX-512 would, where oneDNN's matrix product has its stack register on the heap.
. "$(dirname "$0")/common.bash"
set +e # a job that fails is counted, the others go on
. Tests/checks/slurm-bench.bash
count=${1:-200}
RANDOM=${SEED:-1}
failures=0 steps=0 obeyed=0 early=0 repeated=0
ulimit -c unlimited
checks=()
[ "${MALLOC:-}" != check ] || checks=(env LD_PRELOAD=libc_malloc_debug.so.0 GLIBC_TUNABLES=glibc.malloc.check=3 MALLOC_PERTURB_=165)

make_data || fail "making data"
run_file << END
network: {name: unet3d, base: 2}
patch: [16, 16, 32]
steps: 1000000
lanes: 4
checkpoint: {every: 1000000}
END

# wrong NUMBER TEXT LOG: a job that ended as it must not.
wrong() { echo "FAILED job $1: $2"; failures=$((failures + 1)); tail -n 15 "$3" | sed 's/^/    /'; }

# The mpirun or srun below a process; nothing if it ends before there is one.
launcher_below() {
  local process=$1
  while kill -0 "$1" 2> /dev/null; do
    case $(cat "/proc/$process/comm" 2> /dev/null) in mpirun | srun) echo "$process"; return ;; esac
    process=$(pgrep -P "$process" | head -n 1)
    [ -n "$process" ] || process=$1
  done
}

# storm NUMBER LAUNCHER...: one job.
storm() {
  local number=$1 signal=USR1 isa=DEFAULT log=$scratch/job-$1.log run=$scratch/run-$1 code delay is_up=
  shift
  [ $((number % 5)) -ne 4 ] || signal=TERM
  [ $((number % 2)) -ne 0 ] || isa=AVX2
  delay=$((RANDOM % 30))
  ONEDNN_MAX_CPU_ISA=$isa timeout -k 5 120 "$@" "${checks[@]}" "$cohort" train "$scratch/run.yaml" "output=$run" > "$log" 2>&1 &
  local watched=$! launcher
  launcher=$(launcher_below $watched)
  sleep "$((delay / 10)).$((delay % 10))"
  [ ! -s "$run/metrics.jsonl" ] || is_up=yes
  kill -$signal "$launcher"
  until slurm_wait 20 "! kill -0 $watched 2> /dev/null"; do
    repeated=$((repeated + 1))
    kill -$signal "$launcher"
  done
  wait $watched
  code=$?
  steps=$((steps + $(cat "$run/metrics.jsonl" 2> /dev/null | grep -c '"kind":"step"')))
  if grep -qE 'crashed with|free\(\)|corrupted|malloc|Signal:|Backtrac' "$log"; then wrong "$number" "it crashed" "$log"; return; fi
  case $signal-$code in
    USR1-75) [ -n "$(ls "$run/checkpoints" 2> /dev/null)" ] || { wrong "$number" "code 75 without a checkpoint" "$log"; return; } ;;
    *-124) wrong "$number" "it did not end" "$log"; return ;;
    USR1-*) [ -z "$is_up" ] || { wrong "$number" "code $code after USR1" "$log"; return; } ;;
  esac
  if [ "$code" = 75 ]; then obeyed=$((obeyed + 1)); else early=$((early + 1)); fi
  rm -rf "$run" "$log"
}

export OMPI_MCA_btl=tcp,self OMPI_MCA_rmaps_base_oversubscribe=1
under_slurm=0
if reason=$(slurm_missing); then
  echo "not under Slurm: $reason"
else
  trap 'slurm_stop; rm -rf "$scratch"' EXIT
  slurm_start "$scratch/slurm" && under_slurm=$((count / 2))
fi
for number in $(seq 0 $((count - under_slurm - 1))); do storm "$number" mpirun -n 2; done
for number in $(seq $((count - under_slurm)) $((count - 1))); do
  if [ $((number % 4)) -lt 2 ]; then
    storm "$number" salloc --quiet --partition=low --nodes=2 --ntasks=2 mpirun
  else
    storm "$number" srun --quiet --mpi=pmix --wait=10 --partition=low --nodes=2 --ntasks=2
  fi
done
echo "$count jobs, $under_slurm of them under Slurm, $steps steps: $obeyed saved and left with code 75, $early ended otherwise, $repeated signals repeated, $failures wrong"
[ $failures -eq 0 ] || fail "$failures jobs"
