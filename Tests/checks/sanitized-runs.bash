# The program of a sanitized build in BUILD at work on two ranks over TCP: data, training with several methods, stops at random times, prediction,
# the coordination benchmark. `make sanitize` calls it with AddressSanitizer and with ThreadSanitizer. It fails at the first report. One thread computes
# on each rank: ThreadSanitizer does not see how libgomp lets its threads wait for each other, and would report all that they do.
. "$(dirname "$0")/common.bash"
cohort=$PWD/$BUILD/release/cohort
export OMP_NUM_THREADS=1 OMPI_MCA_btl=tcp,self OMPI_MCA_memory=^patcher
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 TSAN_OPTIONS=halt_on_error=1

# try NAME CODES COMMAND...: runs it; its exit code must be one of CODES.
try() {
  local name=$1 codes=$2 code=0
  shift 2
  "$@" > "$scratch/log" 2>&1 || code=$?
  if grep -qE 'Sanitizer|crashed with' "$scratch/log" || [[ " $codes " != *" $code "* ]]; then
    cat "$scratch/log"
    fail "$name: code $code"
  fi
  echo "ok $name"
}

# stopped SECONDS COMMAND...: sends USR1 after so long.
stopped() {
  "${@:2}" &
  local launcher=$!
  sleep "$1"
  kill -USR1 "$launcher"
  wait "$launcher"
}

try "synthesize" 0 "$cohort" synthesize --output "$scratch/raw" --subjects 8 --labelled 2 --seed 3 --spacing 4
try "prepare" 0 "$cohort" prepare "$scratch/raw" --output "$scratch/packs"
for method in supervised mean-teacher relif; do
  printf '%s\n' "data: $scratch/packs" "output: $scratch/$method" "method: $method" "network: {name: unet3d, base: 2}" \
    "patch: [16, 16, 32]" "steps: 12" "lanes: 4" "prior: {kind: none}" "checkpoint: {every: 5}" > "$scratch/$method.yaml"
  try "train $method" 0 ranks 2 "$cohort" train "$scratch/$method.yaml"
  for network in "name: vnet, base: 2" "name: stunet" "name: plainconvunet"; do
    try "train $method with $network" "0 3" ranks 2 "$cohort" train "$scratch/$method.yaml" "network={$network}" "patch=[32,32,32]" \
      "output=$scratch/$method-${network##* }" steps=2
  done
  for seconds in 1 3 5 8; do
    try "stop after $seconds s" "75 138" stopped "$seconds" mpirun --oversubscribe -n 2 "$cohort" train "$scratch/$method.yaml" \
      "output=$scratch/stopped-$method" steps=100000
  done
done
try "predict" 0 ranks 2 "$cohort" predict --checkpoint "$scratch/supervised" --input "$scratch/raw/imagesTs" --output "$scratch/predictions"
try "bench coordination" 0 ranks 2 "$cohort" bench coordination --network unet3d --option base=2 --patch 16,16,32 --threads 1 --lanes 2 --steps 3
