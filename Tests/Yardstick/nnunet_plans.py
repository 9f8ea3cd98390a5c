"""Fingerprints, plans and prepared cases of nnU-Net 2.8.1 and Cohort on generated data sets of many kinds: thick slices along each axis, large volumes,
one channel and two, CT and MRI, objects framed by zeros, axes that run the other way.

Needs nnunetv2==2.8.1 and h5py. Prints a line for each data set."""

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

DRAWN = "foreground_intensity_properties_per_channel"  # nnU-Net's are those of a sample.
# Median voxels, their size in mm from the last axis of the file to the first as in the arrays, channels, and whether zeros frame the object.
KINDS = {
    "isotropic": ((40, 44, 36), (1.0, 1.0, 1.0), ["T1"], False),
    "thick": ((14, 70, 64), (5.0, 0.8, 0.8), ["T2"], True),
    "middle": ((60, 12, 52), (0.9, 4.0, 0.9), ["MRI"], False),
    "last": ((48, 56, 16), (0.7, 0.7, 3.5), ["T1", "FLAIR"], True),
    "scan": ((70, 90, 90), (2.0, 1.2, 1.2), ["CT"], False),
    "both": ((30, 50, 44), (1.5, 1.0, 1.0), ["CT", "T2"], True),
    "large": ((150, 230, 230), (1.0, 0.8, 0.8), ["CT"], False),
}


def make_data(folder: Path, kind: str, seed: int, cases: int = 4) -> None:
    import SimpleITK
    import numpy as np

    voxels, spacing, channels, framed = KINDS[kind]
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number in range(cases):
        draw = np.random.default_rng([seed, number])
        shape = [max(8, round(side * draw.uniform(0.8, 1.25))) for side in voxels]
        size = [step * draw.uniform(0.9, 1.1) for step in spacing]
        places = np.indices(shape)
        centre = [side / 2 + draw.uniform(-1, 1) for side in shape]
        distance = np.sqrt(sum(((place - middle) / side) ** 2 for place, middle, side in zip(places, centre, shape)))
        label = ((distance < 0.35).astype(np.uint8) + (distance < 0.15)).astype(np.uint8)
        turned = (1.0, 1.0, 1.0) if draw.random() < 0.5 else (-1.0, -1.0, 1.0)
        files = [(label, f"labelsTr/c{number}")]
        for channel, name in enumerate(channels):
            image = (100 + (40 + 20 * channel) * label + draw.normal(0, 12, shape)).astype(np.float32)
            if name == "CT":
                image -= 900 * (distance > 0.45)
            if framed:
                image[distance > 0.45] = 0
            files.append((image, f"imagesTr/c{number}_{channel:04}"))
        for array, name in files:
            volume = SimpleITK.GetImageFromArray(array)
            volume.SetSpacing(size[::-1])
            volume.SetDirection((turned[0], 0, 0, 0, turned[1], 0, 0, 0, turned[2]))
            SimpleITK.WriteImage(volume, str(folder / f"{name}.nii.gz"))
    (folder / "dataset.json").write_text(json.dumps(dict(
        channel_names={str(number): name for number, name in enumerate(channels)}, labels={"background": 0, "organ": 1, "core": 2},
        numTraining=cases, file_ending=".nii.gz")))


def differences(one: object, other: object, path: str = "") -> list:
    """Where two JSON documents differ, numbers by more than a rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [found for key in sorted(one.keys() | other.keys()) if key != DRAWN
                for found in differences(one.get(key), other.get(key), f"{path}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [found for number, pair in enumerate(zip(one, other)) for found in differences(*pair, f"{path}[{number}]")]
    if isinstance(one, float) and isinstance(other, (int, float)):
        return [] if abs(one - other) <= 1e-9 * max(1, abs(one)) else [path]
    return [] if one == other else [path]


def prepared(packs: Path, theirs: Path) -> str:
    """How far images are apart, and how many voxels of how many have another label."""
    import h5py
    import numpy as np
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

    known = nnUNetDatasetBlosc2(str(theirs / "nnUNetPlans_3d_fullres"))
    apart, other, voxels = 0.0, 0, 0
    for path in sorted(packs.glob("pack-*.h5")):
        with h5py.File(path) as pack:
            case = re.search(r'"identifier"\s*:\s*"(\w+)"', bytes(pack["index"][:]).decode()).group(1)
            images, labels = (np.asarray(part) for part in known.load_case(case)[:2])
            ours, label = pack["image"][:], pack["label"][:]
        # Cohort keeps volumes with their axes in the direction of the body, nnU-Net as the file has them.
        turns = [axes for count in range(4) for axes in itertools.combinations(range(3), count)]
        best = min(turns, key=lambda axes: abs(np.flip(images[0], axes) - ours[..., 0]).max()) if images[0].shape == label.shape else None
        if best is None:
            return f"{case} has the shape {label.shape}, nnU-Net's {images[0].shape}"
        apart = max(apart, max(abs(np.flip(image, best) - ours[..., channel]).max() for channel, image in enumerate(images)))
        other += int((np.maximum(np.flip(labels[0], best), 0) != label).sum())
        voxels += label.size
    return f"images {apart:.1e} apart at most, {other} of {voxels} labels otherwise"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohort", default=".build/release/cohort")
    parser.add_argument("--work", type=Path, required=True, help="a new folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    given = parser.parse_args()
    work = given.work.absolute()
    # nnU-Net reads these when it is imported.
    os.environ |= dict(
        nnUNet_raw=str(work / "raw"), nnUNet_preprocessed=str(work / "preprocessed"), nnUNet_results=str(work / "results"),
        OMP_NUM_THREADS="1")

    def run(*arguments: object) -> None:
        subprocess.run(list(map(str, arguments)), check=True, stdout=subprocess.DEVNULL)

    for number, kind in enumerate(given.kinds, 1):
        name = f"Dataset{number:03}_{kind}"
        raw, theirs, plan = work / "raw" / name, work / "preprocessed" / name, work / "plan" / name
        make_data(raw, kind, given.seed)
        run(Path(sys.executable).parent / "nnUNetv2_plan_and_preprocess", "-d", number, "-c", "3d_fullres", "-np", 1, "-npfp", 1)
        run(given.cohort, "plan", raw, "--output", plan, "--threads", 1)
        run(given.cohort, "prepare", raw, "--plan", plan / "plans.json", "--output", work / "packs" / name)
        found = [differences(json.loads((theirs / one).read_text()), json.loads((plan / other).read_text()))
                 for one, other in (("dataset_fingerprint.json", "dataset_fingerprint.json"), ("nnUNetPlans.json", "plans.json"))]
        said = [f"{what} {'equal' if not paths else 'differ in ' + ', '.join(paths[:5])}" for what, paths in zip(("fingerprint", "plans"), found)]
        print(f"{kind}:", *said, prepared(work / "packs" / name, theirs), sep="; ", flush=True)


if __name__ == "__main__":
    main()
