#!/bin/bash
# How much of the communication the backward pass hides: two hosts (network namespaces with names of their own) of one rank with one
# thread each, joined by 1 Gbit/s, where communication takes half of the backward pass or less. At least 70 % must be hidden, twice:
#
# - rehearsed, with sleeps in place of kernels, by what a step takes longer than the same step without communication: of the
#   least time in which the link carries the bytes;
# - with kernels, by what the ranks wait for. Also printed, and not judged where both hosts are the same two cores: by how much steps are longer than
#   those without communication, which holds what the network's own work takes from the cores that compute.
#
# Needs root; takes its network down again.

. "$(dirname "$0")/common.bash"
. Tests/checks/hosts.bash
make_hosts 2 10.78.0 1gbit

# on_both ARGUMENTS...: cohort on both hosts; not in the foreground, where a signal to this script would wait for it.
on_both() {
  on_first_host timeout -k 10 500 mpirun --hostfile "$scratch/hosts" --bind-to none "${over_network[@]}" -n 2 -x OMP_NUM_THREADS \
    "$cohort" "$@" > "$scratch/result" &
  wait $!
}
# number NAME: those of this name in the result.
number() { sed -n "s/^ *\"$1\" : \([-0-9.e]*\),*\$/\1/p" "${2:-$scratch/result}"; }

make_data
for reduction in exact fast; do
  cat > "$scratch/unet.yaml" <<RUN
data: $scratch/packs
output: $scratch/none
method: supervised
network: {name: unet3d, base: ${BASE:-16}}
patch: [${PATCH:-96,96,96}]
lanes: 1
threads: 1
reduction: $reduction
RUN
  "$cohort" scale record "$scratch/unet.yaml" --output "$scratch/lanes-$reduction.json" --steps 3 > "$scratch/log"
  # The same seed draws the same sleeps; fifty values in place of millions are communication switched off.
  for values in "" "--averaged-values 50"; do
    on_both scale measure --compute "replay:$scratch/lanes-$reduction.json" $values --lanes 2 --steps "${STEPS:-11}" \
      --output "$scratch/rehearsal-$reduction${values:+-off}"
  done
  all=$scratch/rehearsal-$reduction/measured.json off=$scratch/rehearsal-$reduction-off/measured.json
  paste <(number wall "$all") <(number wall "$off") | awk '{ print $1 - $2 }' | sort -g > "$scratch/differences"
  awk -v r=$reduction -v bytes="$(number averagedBytes "$all")" -v b="$(number backwardSeconds "$all")" '
    { difference[NR] = $1 }
    END {
      least = bytes / 125e6; median = difference[int((NR + 1) / 2)]
      printf "overlap %s, rehearsed: %d bytes take the link %.3f s (%.0f %% of the backward pass of %.3f s); ", r, bytes, least, 100 * least / b, b
      printf "steps are longer by %.4f s (median of %d pairs, %.4f to %.4f): %.1f %% hidden\n", median, NR, difference[1], difference[NR],
        100 * (1 - median / least)
      exit !(NR > 0 && least <= 0.5 * b && median <= 0.3 * least)
    }' "$scratch/differences" || fail "less than 70 % is hidden, or communication takes more than half of the backward pass: then set PATCH larger"

  on_both bench coordination --threads 1 --json --network unet3d --option base="${BASE:-16}" --patch "${PATCH:-96,96,96}" \
    --reduction $reduction --steps "${STEPS:-11}"
  awk -v r=$reduction -v plain="$(number plainSeconds)" -v all="$(number coordinatedSeconds)" -v b="$(number backwardSeconds)" \
    -v c="$(number communicationSeconds)" -v e="$(number exposedSeconds)" -v d="$(number differenceSeconds)" \
    -v low="$(number differenceLow)" -v high="$(number differenceHigh)" 'BEGIN {
      printf "overlap %s, kernels: plain step %.3f s, coordinated %.3f s, backward %.3f s, communication %.3f s (%.0f %% of it), ", r, plain, all, b, c,
        100 * c / b
      printf "exposed %.3f s: %.1f %% not waited for; steps are longer by %.3f s (95 %% interval %.3f to %.3f s)\n", e, 100 * (1 - e / c), d, low,
        high
      exit !(c <= 0.5 * b && e <= 0.3 * c)
    }' || fail "less than 70 % is hidden, or communication takes more than half of the backward pass here: then set PATCH larger"
done
