#!/bin/bash
# The same bits on any number of ranks: every method, and a run of two stages, 50 steps on 1, 2, 3, 4, 5 and 8 ranks, and runs that were killed or asked to
# stop at random steps and resumed on random numbers of ranks, against one that was never interrupted. Checkpoints are compared
# vector by vector, bit by bit.
#
#   Tests/checks/rank-counts.sh [TRIALS]     30 interruptions unless told otherwise; their seed is printed, and can be set: SEED=7

. "$(dirname "$0")/common.bash"
trials=${1:-30}
RANDOM=${SEED:=$((RANDOM))}
echo "rank-counts: seed $SEED, $trials interruptions"
build cohort-scenarios
make_data

# train RANKS METHOD FOLDER KEYS...
train() {
  local n=$1 method=$2 folder=$3; shift 3
  local file=$scratch/run.yaml chosen=(method.name="$method")
  if [ "$method" = stages ]; then file=$scratch/stages.yaml chosen=(); fi
  # What some methods refuse to do without.
  case $method in
  urpc) chosen+=(network.name=plainconvunet "network.strides=2,2,2;2,2,2;2,2,2") ;;
  magicnet) chosen+=("patch=[32, 32, 64]" method.cubes=2) ;;
  esac
  ranks "$n" "$cohort" train "$file" "${chosen[@]}" output="$scratch/$folder" "$@" > "$scratch/$folder.log" 2>&1
}

cat > "$scratch/run.yaml" <<RUN
data: $scratch/packs
output: $scratch/none
network: {name: unet3d, base: 2}
patch: [16, 16, 32]
steps: 50
lanes: 8
prior: {kind: atlas}
checkpoint: {every: 0}
RUN

{ cat "$scratch/run.yaml"; cat <<RUN; } > "$scratch/stages.yaml"
stages:
  - {name: labels, method: supervised, steps: 20, optimizer: {nesterov: true, clipNorm: 5}, schedule: {name: step, stepSize: 8}}
  - {name: both, method: mean-teacher, steps: 30, optimizer: {name: adamw, learningRate: 0.001}, schedule: {name: cosine, warmUp: 5},
     batch: {labelled: 2, unlabelled: 2}}
RUN

# The cohort has several structures, which dtc refuses: it is compared in MethodRankTests.
methods=$("$cohort" methods | sed -n 's/^\([a-z0-9-]*\)  .*/\1/p' | grep -vx dtc)
[ -n "$methods" ] || fail "cohort methods lists none"
methods+=" stages"
same() { "$scenarios" checkpoint-compare "$@" 2>&1; }

for method in $methods; do
  for n in 1 2 3 4 5 8; do
    train "$n" "$method" "$method-$n" || { tail -5 "$scratch/$method-$n.log"; fail "$method on $n ranks"; }
    line=$(same "$scratch/$method-1" "$scratch/$method-$n") || fail "$method on $n ranks: $line"
    echo "exact $method ranks=$n: $line"
  done
  # AdamW turns a rounding into a step, so stages are compared exactly alone; and so is magicnet, whose patch is its own.
  if [ "$method" = stages ] || [ "$method" = magicnet ]; then continue; fi
  # A patch whose coarsest level has more than two voxels: normalised over two, a rounding becomes a different sign, and any two
  # runs part ways.
  gentle=(reduction=fast "patch=[32, 32, 32]" optimizer.learningRate=0.0001)
  train 1 "$method" "$method-fast-1" "${gentle[@]}" && train 5 "$method" "$method-fast-5" "${gentle[@]}" || fail "$method, fast"
  line=$(same "$scratch/$method-fast-1" "$scratch/$method-fast-5" 1e-5) || fail "$method, fast, on 5 ranks: $line"
  echo "fast $method ranks=5: $line"
done

# One trial: start, interrupt after a random step, resume, compare.
counts=(1 2 3 4 5 8) chosen=($methods) ways=(killed stopped)
for trial in $(seq "$trials"); do
  method=${chosen[$((RANDOM % ${#chosen[@]}))]}
  first=${counts[$((RANDOM % 6))]} second=${counts[$((RANDOM % 6))]} step=$((1 + RANDOM % 48)) folder=trial-$trial
  way=${ways[$((RANDOM % 2))]}
  train "$first" "$method" "$folder" checkpoint.every=7 & job=$!
  until grep -q "\"step\":$step[,}]" "$scratch/$folder/metrics.jsonl" 2> "$scratch/null"; do
    kill -0 $job 2> "$scratch/null" || break
    sleep 0.01
  done
  # The job is a subshell: timeout below it, mpirun below that, the ranks below that.
  launcher=$(pgrep -P "$(pgrep -P $job || echo 0)" || true)
  if [ -n "$launcher" ]; then
    if [ $way = stopped ]; then kill -USR1 "$launcher" || true; else kill -KILL $(pgrep -P "$launcher") || true; fi 2> "$scratch/null"
  fi
  wait $job && code=0 || code=$?
  # Without a checkpoint yet there is nothing to list, and the run begins again.
  reached=$({ "$cohort" checkpoint list "$scratch/$folder" 2> "$scratch/null" || true; } | sed -n 's/^step \([0-9]*\) .*/\1/p' | tail -n 1)
  train "$second" "$method" "$folder" checkpoint.every=7 || { tail -5 "$scratch/$folder.log"; fail "resuming trial $trial"; }
  line=$(same "$scratch/$method-1" "$scratch/$folder") ||
    fail "trial $trial, $method, $way at step $step, $first then $second ranks: $line"
  echo "trial $trial $method $way after step $step (code $code, saved ${reached:-0}), ranks $first then $second: $line"
done
echo "rank-counts: all equal"
