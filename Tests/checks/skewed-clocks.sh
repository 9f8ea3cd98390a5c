#!/bin/bash
# A rank whose clock is 5000 seconds ahead, in a time namespace of its own: in the merged trace the spans of every control word overlap, which
# no rank has before all have given theirs. (Those of the average need not: a rank's last gradients are on their way before it begins to wait.)
# Needs the right to make a time namespace (root), and python3. Takes seconds.
set -eu
cohort=${COHORT:-$PWD/.build/release/cohort}
ahead="unshare --time --monotonic 5000 --fork"
$ahead true 2> /dev/null || { echo "skipped: no right to make a time namespace"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

"$cohort" synthesize --output "$folder/raw" --subjects 6 --labelled 2 --seed 3 --spacing 4 > "$folder/log"
"$cohort" prepare "$folder/raw" --output "$folder/packs" >> "$folder/log"
cat > "$folder/run.yaml" <<END
data: $folder/packs
output: $folder/run
method: supervised
network: {name: unet3d, base: 2}
patch: [16, 16, 32]
steps: 60
lanes: 2
trace: {steps: [20, 40]}
END
timeout 300 mpirun --oversubscribe --bind-to none -n 1 "$cohort" train "$folder/run.yaml" \
  : -n 1 $ahead "$cohort" train "$folder/run.yaml" > "$folder/train.txt" 2>&1 || { cat "$folder/train.txt"; exit 1; }
"$cohort" trace merge "$folder/run" --output "$folder/trace.json"

python3 - "$folder" <<'END'
import json, sys
folder = sys.argv[1]
clock = json.load(open(folder + "/run/trace/rank-0001.json"))["clock"]
spans = [e for e in json.load(open(folder + "/trace.json"))["traceEvents"] if e["name"] == "control"]
# An offset is wrong by half a round trip at most.
allowed = max(sample["roundTrip"] for sample in clock) * 1e6 + 1
slack = []
for step in range(20, 41):
    own = [e for e in spans if e["args"]["step"] == step]
    assert len(own) == 2, "step %d has %d spans" % (step, len(own))
    slack.append(min(e["ts"] + e["dur"] for e in own) - max(e["ts"] for e in own))
print("offsets %s s, round trips at most %.0f microseconds; spans overlap by %.0f microseconds or more"
      % ([round(sample["offset"], 6) for sample in clock], allowed, min(slack)))
assert all(abs(sample["offset"] + 5000) < 1 for sample in clock), "the clock is 5000 s ahead"
assert min(slack) > -allowed, "a rank left a collective before the other entered it"
END
echo "passed"
