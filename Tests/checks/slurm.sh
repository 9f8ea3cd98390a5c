#!/bin/bash
# slurm/*.sbatch on a real Slurm: every run that was interrupted ends in the same bytes as one that was not.
#
#   Tests/checks/slurm.sh                        all cases, about twenty minutes
#   Tests/checks/slurm.sh requeue alone          some of them
#   STEPS=60 Tests/checks/slurm.sh requeue       on a shorter run
#
# Prints a line for each case, and ends with 0 if all of them hold; where there is no Slurm it says so.
set -u
repository=$(cd "$(dirname "$0")/../.." && pwd)
. "$repository/Tests/checks/slurm-bench.bash"
all_cases="limit-mpirun limit-srun early-mpirun early-srun preempt-mpirun preempt-srun suspend-mpirun suspend-srun requeue cancel node-down budget end-time alone doctor evaluate"
if reason=$(slurm_missing); then echo "skipped: $reason (apt-get install slurm-wlm munge)"; exit 0; fi

bench=$(mktemp -d /tmp/cohort-slurm.XXXXXX)
chmod 755 "$bench"
trap 'slurm_stop; [ -n "${KEEP:-}" ] || rm -rf "$bench"' EXIT
trap 'exit 1' INT TERM
export PATH=${COHORT_FOLDER:-$repository/.build/release}:$PATH OMP_NUM_THREADS=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
failures=0
cd "$bench" || exit 1

# A cohort of 6 phantoms, and a run of about a minute on two nodes.
prepare() {
  cohort synthesize --output raw --subjects 6 --labelled 2 --seed 3 --spacing 4 > /dev/null &&
    cohort prepare raw --output packs > /dev/null || return
  cat > run.yaml << END
data: packs
output: runs/whole
method: mean-teacher
network: {name: unet3d, base: 4}
patch: [32, 32, 32]
steps: ${STEPS:-400}
lanes: 2
checkpoint: {every: 10, keep: 2}
END
}

# submit NAME SCRIPT OPTION... -- ARGUMENT...: queues a script with options for sbatch and arguments of its own; sets $job and $log.
submit() {
  local name=$1 script=$2 options=()
  shift 2
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  log=$bench/$name.out
  touch "$log"
  job=$(sbatch --parsable --partition=low --output="$log" "${options[@]}" "$repository/slurm/$script.sbatch" "$@")
}

train() { submit "$1" train --time=30 "${@:2}" -- run.yaml output="runs/$1"; }

saved_step() { cohort checkpoint list "runs/$1" 2> /dev/null | sed -n 's/^step \([0-9]*\) .*/\1/p' | tail -n 1; }
has_saved() { [ "$(saved_step "$1")" ]; }
has_left() { [ -z "$(squeue --noheader --jobs="$1" 2> /dev/null)" ]; }
starts() { grep -c 'train.sbatch: start' "$log"; }
fail() { echo "FAILED $1: $2"; failures=$((failures + 1)); tail -n 8 "$log" | sed 's/^/    /'; }

# The exported weights of a run are those of the run without interruption.
same_bytes() {
  slurm_wait 900 "has_left $job" || { fail "$1" "the job does not end"; scancel "$job"; return 1; }
  cohort checkpoint export "runs/$1" --output "$1.safetensors" > /dev/null 2>&1 &&
    [ "$(saved_step "$1")" = "$(saved_step whole)" ] && cmp --silent "$1.safetensors" whole.safetensors ||
    { fail "$1" "other bytes than the run without interruption"; return 1; }
  [ "$(starts)" -ge "$2" ] || { fail "$1" "$(starts) starts, expected $2 or more"; return 1; }
  echo "ok $1: $(starts) starts, $(grep -c 'stopped at step' "$log") of them saved when asked; the same bytes"
}

# Slurm looks at its clock every 30 seconds: the signal comes 15 to 30 seconds after the start.
limit() { train "$1" --time=1 --signal=B:USR1@45 && same_bytes "$1" 2; }
case_limit-mpirun() { limit limit-mpirun; }
case_limit-srun() { COHORT_LAUNCH=srun limit limit-srun; }

# Signals at the very beginning: before the launcher, before its handlers, before the ranks.
early() {
  local start
  train "$1" || { fail "$1" "not queued"; return; }
  for start in 1 2 3; do
    slurm_wait 120 "[ \"\$(starts)\" = $start ]" || { fail "$1" "start $start does not come"; return; }
    sleep "0.$((start * 3 - 3))"
    scancel --batch --signal=USR1 "$job"
  done
  same_bytes "$1" 4
}
case_early-mpirun() { early early-mpirun; }
case_early-srun() { COHORT_LAUNCH=srun early early-srun; }

# A job of the higher partition takes both nodes for a moment.
preempt() {
  train "$1" && slurm_wait 120 "has_saved $1" || { fail "$1" "no checkpoint"; return; }
  sbatch --parsable --partition=high --nodes=2 --output=/dev/null --wrap='sleep 3' > /dev/null
  same_bytes "$1" 2
}
case_preempt-mpirun() { preempt preempt-mpirun; }
case_preempt-srun() { COHORT_LAUNCH=srun preempt preempt-srun; }

# An operator suspends the job for much longer than an operation may last: it goes on as if nothing had happened.
suspend() {
  submit "$1" train --time=30 -- run.yaml output="runs/$1" watch.deadline=3
  slurm_wait 120 "has_saved $1" || { fail "$1" "no checkpoint"; return; }
  scontrol suspend "$job"
  sleep 45
  grep -qs 'cohort: rank' "$log" && fail "$1" "a rank was blamed"
  scontrol resume "$job"
  same_bytes "$1" 1 && [ "$(starts)" = 1 ] || fail "$1" "it was started again"
}
case_suspend-mpirun() { suspend suspend-mpirun; }
case_suspend-srun() { COHORT_LAUNCH=srun suspend suspend-srun; }

case_requeue() {
  train requeue && slurm_wait 120 'has_saved requeue' || { fail requeue "no checkpoint"; return; }
  scontrol requeue "$job"
  same_bytes requeue 2
}

case_cancel() {
  train cancel && slurm_wait 120 'has_saved cancel' || { fail cancel "no checkpoint"; return; }
  scancel "$job"
  slurm_wait 60 "has_left $job" || { fail cancel "scancel does not end the job"; return; }
  train cancel --open-mode=append
  same_bytes cancel 2
}

# Slurm takes a node that does not answer away from the job and queues it again.
case_node-down() {
  train node-down && slurm_wait 120 'has_saved node-down' || { fail node-down "no checkpoint"; return; }
  scontrol update nodename=n2 state=down reason=check
  sleep 2
  scontrol update nodename=n2 state=resume 2> /dev/null
  same_bytes node-down 2
}

# Nobody sends a signal: the run stops by its own clock.
case_budget() {
  submit budget train --time=30 -- run.yaml output=runs/budget --time-budget "${BUDGET:-20s}"
  same_bytes budget 2
}

# The same by the end of the job, on a run that never ends; the signal that the script asks for is made a harmless one.
case_end-time() {
  submit end-time train --time=1 --signal=B:CONT@1 -- run.yaml output=runs/end-time steps=1000000
  slurm_wait 100 'grep -q "queueing the job again" "$log"' && grep -q 'of the time budget are left' "$log" || { fail end-time "not saved"; return; }
  scancel "$job"
  echo "ok end-time: $(grep -h 'of the time budget' "$log" | head -n 1)"
}

# refusal NAME EXPECTED COMMAND: a job of two tasks whose command ends with code 4 and says EXPECTED once.
refusal() {
  local code
  log=$bench/alone.out
  salloc --quiet --partition=low --nodes=2 --ntasks=2 bash -c "$3" > "$log" 2>&1
  code=$?
  [ $code = 4 ] && [ "$(grep -c "$2" "$log")" = 1 ] || { fail alone "$1: code $code"; return 1; }
}

case_alone() {
  local train='cohort train run.yaml output=runs/alone'
  refusal "srun without PMI" 'srun --mpi=pmix' "srun --mpi=none $train" &&
    refusal "srun with another PMI" 'srun --mpi=pmix' "srun --mpi=pmi2 $train" &&
    refusal "no launcher" 'the Slurm job has 2 tasks' "$train" && [ ! -e runs/alone ] &&
    salloc --quiet --partition=low --nodes=2 --ntasks=2 mpirun -n 1 cohort train run.yaml output=runs/alone steps=1 > "$log" 2>&1 &&
    grep -q 'warning: the Slurm job has 2 tasks, but there is 1 rank' "$log" || { fail alone "see above"; return; }
  echo "ok alone: processes without each other end with code 4 and a hint; fewer ranks than tasks are warned of"
}

case_doctor() {
  log=$bench/doctor.out
  salloc --quiet --partition=low --nodes=2 --ntasks=2 bash -c '
    srun --mpi=pmix cohort doctor --folder runs/doctor --data packs && mpirun cohort doctor --folder runs/doctor --data packs' \
    > "$log" 2>&1 && [ "$(grep -c '^fit to train' "$log")" = 2 ] && grep -q 'Slurm job' "$log" || { fail doctor "see above"; return; }
  echo "ok doctor: fit to train under srun and under mpirun; $(grep -h 'Slurm job' "$log" | head -n 1 | sed 's/  */ /g')"
}

case_evaluate() {
  submit evaluate evaluate --time=5 -- runs/whole raw/imagesTs raw/labelsTs predictions
  slurm_wait 120 "has_left $job"
  grep -q 'Dice' "$log" && [ "$(ls predictions/*.nii.gz | wc -l)" = "$(ls raw/imagesTs | wc -l)" ] || { fail evaluate "no scores"; return; }
  echo "ok evaluate: $(ls predictions/*.nii.gz | wc -l) cases predicted and scored"
}

slurm_start "$bench/slurm" && prepare || exit 1
started=$SECONDS
train whole && slurm_wait 900 "has_left $job" && cohort checkpoint export runs/whole --output whole.safetensors > /dev/null 2>&1 ||
  { fail whole "the run without interruption does not end"; exit 1; }
echo "ok whole: $(saved_step whole) steps on 2 nodes without interruption, $((SECONDS - started)) s"
for name in ${*:-$all_cases}; do
  if declare -f "case_$name" > /dev/null; then "case_$name"; else echo "FAILED: there is no case $name: $all_cases"; failures=1; fi
done
[ $failures = 0 ] && echo "Slurm: all cases hold" || { echo "Slurm: $failures failed"; exit 1; }
