#!/bin/bash
# No waste on this machine, which must have two cores and nothing else to do: coordination costs one rank 1 % or less, two ranks
# with a thread each are 1.8 times as fast as one, and eight ranks on two cores finish in 1.3 times the time that their work takes:
# waiting burns no processor.
#
#   Tests/checks/waste.sh          the numbers of each; fails where one is missed

. "$(dirname "$0")/common.bash"
make_data
two=(taskset -c 0,1)
number() { sed -n "s/^ *\"$1\" : \([-0-9.e]*\),*\$/\1/p" "$scratch/result"; }
bench() { local n=$1; shift; ranks "$n" "$cohort" bench coordination --threads 1 --json "$@" > "$scratch/result"; }

# The patch that V-Net was published with: what is added to a step depends on the parameters alone, so on a smaller patch it is a larger share.
bench 1 --network vnet --patch 112,112,80 --steps 21
share=$(number costShare)
echo "one rank: V-Net, step $(number plainSeconds) s, with coordination $(number coordinatedSeconds) s, cost $share of the step (fastest of each)"
awk "BEGIN { exit !($share <= 0.01) }" || fail "coordination costs more than 1 %"

unet=(--network unet3d --option base=16 --patch 64,64,64 --steps 7)
# In turn, and the middle one of five: what else runs on the machine comes and goes within a minute.
for round in 1 2 3 4 5; do
  bench 1 "${unet[@]}"; one=$(number samplesPerSecond)
  bench 2 "${unet[@]}"; two_ranks=$(number samplesPerSecond)
  awk "BEGIN { printf \"%.3f two ranks of one thread, 3D U-Net, $two_ranks samples/s; one rank $one samples/s\n\", $two_ranks / $one }"
done > "$scratch/rounds"
sort -g "$scratch/rounds" | sed -n '1p; 3p; 5p' | paste -sd';' | sed 's/;/; /g; s/^/speed-up, least, middle and greatest of five: /'
awk "BEGIN { exit !($(sort -g "$scratch/rounds" | sed -n '3s/ .*//p') >= 1.8) }" || fail "two ranks are less than 1.8 times as fast"

cat > "$scratch/run.yaml" <<RUN
data: $scratch/packs
output: $scratch/none
method: supervised
network: {name: unet3d, base: 8}
patch: [48, 48, 48]
steps: ${STEPS:-50}
lanes: 8
threads: 1
checkpoint: {every: 0}
RUN
# timed RANKS: seconds of wall, user and system.
timed() {
  local run=("${two[@]}" timeout 580 mpirun --oversubscribe --bind-to none -n "$1" "$cohort" train "$scratch/run.yaml")
  /usr/bin/time -o "$scratch/time" -f "%e %U %S" "${run[@]}" output="$scratch/ranks-$1" > "$scratch/log" 2>&1 ||
    { tail "$scratch/log" >&2; fail "training on $1 ranks"; }
  cat "$scratch/time"
}
read -r wall1 user1 system1 <<< "$(timed 1)"
read -r wall8 user8 system8 <<< "$(timed 8)"
awk "BEGIN {
  ideal = ($user1 + $system1) / 2
  printf \"one rank with 8 lanes: %.1f s, processor %.1f s; \", $wall1, $user1 + $system1
  printf \"eight ranks on two cores: %.1f s, processor %.1f s; %.3f of the ideal\n\", $wall8, $user8 + $system8, $wall8 / ideal
  exit !($wall8 <= 1.3 * ideal)
}" || fail "eight ranks waste time"
