#!/bin/bash
# No waste on this machine, which must have two cores and nothing else to do: coordination costs one rank 1 % or less, two ranks
# with a thread each are 1.8 times as fast as one and 0.9 times as fast as one with two threads, and eight ranks on two cores finish
# in 1.3 times the time that their work takes: waiting burns no processor.
#
#   Tests/checks/waste.sh          the numbers of each; fails where one is missed

. "$(dirname "$0")/common.bash"
make_data
two=(taskset -c 0,1)
# bench NAME RANKS THREADS ARGUMENTS: what is printed goes to the file NAME, of which `number KEY NAME` gives a number.
bench() {
  local name=$1 n=$2 threads=$3; shift 3
  ranks "$n" --bind-to none "$cohort" bench coordination --threads "$threads" --json "$@" > "$scratch/$name"
}
number() { sed -n "s/^ *\"$1\" : \([-0-9.e]*\),*\$/\1/p" "$scratch/${2:-one}"; }
speed() { number samplesPerSecond "$1"; }

# of_rounds NAME: what the rounds in the file NAME found, in order; the middle one is judged. What else runs on the machine comes and goes within a
# minute, so that what is compared takes turns.
of_rounds() { sort -g "$scratch/$1" -o "$scratch/$1"; echo "$1, least to greatest of $(wc -l < "$scratch/$1") rounds:"; cat "$scratch/$1"; }
middle() { sed -n "$((($(wc -l < "$scratch/$1") + 1) / 2))s/ .*//p" "$scratch/$1"; }
# judge NAME RELATION COMPLAINT: a figure that is missed fails the check at its end, so that all of them are printed.
missed=()
judge() { of_rounds "$1"; awk "BEGIN { exit !($(middle "$1") $2) }" || missed+=("$3"); }
# both COMMAND: two of it at once, on a core each; they know nothing of each other.
both() {
  local run ended=0 runs=()
  for run in one-of-two other-of-two; do "$@" "$run" & runs+=($!); done
  for run in "${runs[@]}"; do wait "$run" || ended=$?; done
  [[ $ended == 0 ]] || fail "two programs at once"
}

# The patch that V-Net was published with: what is added to a step depends on the parameters alone, so on a smaller patch it is a larger share.
pairs=40
for round in 1 2 3 4 5; do
  bench one 1 1 --network vnet --patch 112,112,80 --steps $pairs
  echo "$(number costShare) of the step ($(number differenceLow) to $(number differenceHigh) s in $pairs pairs of steps):" \
    "V-Net on one rank, $(number plainSeconds) s, with coordination $(number coordinatedSeconds) s"
done > "$scratch/coordination"
judge coordination "<= 0.01" "coordination costs more than 1 %"

# Plain steps of both ranks, which know nothing of each other, tell what two cores can give at all; they are not judged.
unet=(--network unet3d --option base=16 --patch 64,64,64)
for round in 1 2 3 4 5; do
  bench two-ranks 2 1 "${unet[@]}" --steps 15
  bench two-threads 1 2 "${unet[@]}" --steps 7
  echo "$(number speedUp two-ranks) times: two ranks of one thread, 3D U-Net, $(speed two-ranks) samples/s; the first of them alone" \
    "$(number aloneSeconds two-ranks) s; two plain steps at once $(number plainSpeedUp two-ranks) times"
  awk "BEGIN { printf \"%.3f times: two ranks of one thread %.3f samples/s; one rank of two threads %.3f\n\",
    $(speed two-ranks) / $(speed two-threads), $(speed two-ranks), $(speed two-threads) }" >> "$scratch/against-threads"
done > "$scratch/speed-up"
judge speed-up ">= 1.8" "two ranks are less than 1.8 times as fast"
judge against-threads ">= 0.9" "two ranks are slower than 0.9 of two threads"

run_file << RUN
network: {name: unet3d, base: 8}
patch: [48, 48, 48]
steps: 50
lanes: 8
threads: 1
checkpoint: {every: 0}
RUN
# timed RANKS NAME: seconds of wall, user and system go to the file NAME.
timed() {
  local run=("${two[@]}" timeout 580 mpirun --oversubscribe --bind-to none -n "$1" "$cohort" train "$scratch/run.yaml")
  rm -rf "$scratch/run-$2"
  /usr/bin/time -o "$scratch/$2" -f "%e %U %S" "${run[@]}" output="$scratch/run-$2" > "$scratch/log-$2" 2>&1 ||
    { tail "$scratch/log-$2" >&2; fail "training on $1 ranks"; }
}
# The work is what one rank takes for the same lanes while another does the same beside it: two cores that both compute are slower each than one
# alone (shared cache and memory, and on a virtual machine whoever else is on the host), and that is no waste of the ranks.
for round in 1 2 3 4 5; do
  both timed 1
  timed 8 eight
  awk 'FILENAME ~ /eight$/ { wall = $1; processor = $2 + $3; next } { work += ($2 + $3) / 2; apart = apart " " $1 }
    END { printf "%.3f of the ideal: eight ranks on two cores %.1f s, their processor time %.1f s (%.3f of half of that); ",
        wall / work * 2, wall, processor, wall / processor * 2
      printf "the work %.1f s (one rank with 8 lanes, two at once:%s s)\n", work, apart }' "$scratch/one-of-two" "$scratch/other-of-two" "$scratch/eight"
done > "$scratch/eight-ranks"
judge eight-ranks "<= 1.3" "eight ranks waste time"
[[ ${#missed[@]} == 0 ]] || fail "$(printf '%s; ' "${missed[@]}")"
