#!/bin/bash
# A rank whose clock is 5000 seconds ahead, in a time namespace of its own: in the merged trace the spans of every control word overlap, which
# no rank has before all have given theirs. (Those of the average need not: a rank's last gradients are on their way before it begins to wait.)
# Needs the right to make a time namespace (root), and python3. Takes seconds.
. "$(dirname "$0")/common.bash"
ahead="unshare --time --monotonic 5000 --fork"
$ahead true 2> "$scratch/null" || { echo "skipped: no right to make a time namespace"; exit 0; }

make_data
run_file << END
network: {name: unet3d, base: 2}
patch: [16, 16, 32]
steps: 60
lanes: 2
trace: {steps: [20, 40]}
END
ranks 1 --bind-to none "$cohort" train "$scratch/run.yaml" \
  : -n 1 $ahead "$cohort" train "$scratch/run.yaml" > "$scratch/train.txt" 2>&1 || { cat "$scratch/train.txt"; exit 1; }
"$cohort" trace merge "$scratch/run" --output "$scratch/trace.json"

python3 - "$scratch" <<'END'
import json, sys
folder = sys.argv[1]
clock = json.load(open(folder + "/run/trace/rank-0001.attempt-01.json"))["clock"]
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
