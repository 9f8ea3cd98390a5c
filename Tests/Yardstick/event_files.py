"""Event files of a run that is killed twice, read by TensorBoard itself: every step and every validation once, with the numbers of metrics.jsonl.

A tiny run is killed between checkpoints, goes on, is killed again and goes on to its end. Two readers (tensorboard.backend's EventAccumulator) look at
its folder: one that looked on all the time, as an open TensorBoard does, and one that comes afterwards. `make compare-tensorboard` runs it.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

STEPS, CHECKPOINTS, VALIDATIONS = 60, 10, 20
KILLS = [34, 57]
RUN_FILE = """
data: {folder}/packs
output: {folder}/run
labelled: 2
method: mean-teacher
network: {{name: unet3d, base: 2}}
patch: [32, 32, 32]
steps: {steps}
lanes: 1
augmentation: {{kind: flip, axes: [D, H]}}
validation: {{every: {validations}, fold: 0}}
checkpoint: {{every: {checkpoints}, keep: 3}}
"""


def cohort(program, *arguments, kill_at=None, may_fail=False):
    environment = dict(os.environ) | ({"COHORT_FAULT": f"kill:rank=0,step={kill_at}"} if kill_at else {})
    done = subprocess.run([program, *map(str, arguments)], env=environment, capture_output=True, text=True)
    if done.returncode != 0 and not may_fail:
        sys.exit(f"{' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def train_with_kills(program, folder):
    """Trains with two kills; returns the reader that looked on all the time."""
    run_file, log = folder / "run.yaml", folder / "run" / "tensorboard"
    run_file.write_text(RUN_FILE.format(folder=folder, steps=STEPS, checkpoints=CHECKPOINTS, validations=VALIDATIONS))
    onlooker = None
    for kill in KILLS + [None]:
        text = cohort(program, "train", run_file, kill_at=kill, may_fail=kill is not None)
        last = json.loads((folder / "run" / "metrics.jsonl").read_text().splitlines()[-1])["step"]
        print(f"{'killed before step ' + str(kill) if kill else 'went on to the end'}: metrics.jsonl ends at step {last}")
        if kill and last != kill - 1:
            sys.exit(f"the run was to be killed after step {kill - 1}:\n{text}")
        onlooker = onlooker or EventAccumulator(str(log), size_guidance={"scalars": 0, "images": 0, "histograms": 0, "compressedHistograms": 0})
        onlooker.Reload()
    return onlooker


def expected_points(folder):
    """Of each tag the steps and values that metrics.jsonl has, by the names that WATCHING.md tells."""
    points = {}
    known = {"loss": "train_loss", "rate": "lr", "seconds": "seconds/step", "slowestRank": "seconds/slowest_rank"}
    for line in map(json.loads, (folder / "run" / "metrics.jsonl").read_text().splitlines()):
        for name, value in line.items():
            if name in ("kind", "step"):
                continue
            if line["kind"] == "validation":
                tag = "mean_fg_dice" if name == "dice" else name.replace("dice.", "dice_per_class_or_region/")
            elif name in known:
                tag = known[name]
            elif name.endswith("Seconds"):
                tag = "seconds/" + name.removesuffix("Seconds")
            else:
                tag = name.replace(".", "/") if "." in name else "train_loss/" + name
            points.setdefault(tag, []).append((line["step"], value))
    return points


def check(reader, expected, who):
    tags, problems, count = reader.Tags(), [], 0
    if set(tags["scalars"]) != set(expected):
        problems.append(f"tags differ: {sorted(set(tags['scalars']) ^ set(expected))}")
    for tag, points in expected.items():
        found = [(event.step, event.value) for event in reader.Scalars(tag)] if tag in tags["scalars"] else []
        count += len(found)
        if [step for step, _ in found] != [step for step, _ in points]:
            problems.append(f"{tag}: {len(found)} points at other steps than the {len(points)} of metrics.jsonl")
        elif not all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-30) for (_, a), (_, b) in zip(found, points)):
            problems.append(f"{tag}: other values than those of metrics.jsonl")
    if [step for step, _ in expected["train_loss"]] != list(range(1, STEPS + 1)):
        problems.append("metrics.jsonl itself does not hold every step once")
    validations = list(range(VALIDATIONS, STEPS + 1, VALIDATIONS))
    for tag in tags["images"]:
        pictures = reader.Images(tag)
        if [one.step for one in pictures] != validations:
            problems.append(f"{tag}: pictures at {[one.step for one in pictures]}, not {validations}")
        for one in pictures:
            if one.encoded_image_string[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">II", one.encoded_image_string[16:24]) != (one.width, one.height):
                problems.append(f"{tag}: step {one.step} is no PNG file of {one.width} x {one.height} pixels")
    for tag in tags["histograms"]:
        steps = [one.step for one in reader.Histograms(tag)]
        if steps != validations:
            problems.append(f"{tag}: histograms at {steps}, not {validations}")
    for kind in ("images", "histograms"):
        if not tags[kind]:
            problems.append(f"no {kind}")
    print(f"{who}: {len(expected)} curves with {count} points, {len(tags['images'])} series of pictures, "
          f"{len(tags['histograms'])} of histograms; {len(problems)} problems")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", default=".build/release/cohort")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("compare/tensorboard"))
    options = parser.parse_args()
    folder = options.output
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cohort(options.cohort, "synthesize", "--output", folder / "raw", "--subjects", 9, "--labelled", 6, "--spacing", 5)
    cohort(options.cohort, "prepare", folder / "raw", "--output", folder / "packs")
    onlooker = train_with_kills(options.cohort, folder)
    late = EventAccumulator(str(folder / "run" / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "histograms": 0, "compressedHistograms": 0})
    late.Reload()
    expected = expected_points(folder)
    problems = check(late, expected, "a reader that comes afterwards") + check(onlooker, expected, "a reader that looked on")
    print("\n".join(problems[:20]))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
