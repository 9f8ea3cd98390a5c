"""Plans exchanged with nnU-Net 2.8.1 on a generated data set of regions that overlap, voxels to ignore and images of an object in zeros.

Needs nnunetv2==2.8.1 and h5py. Compares plans and prepared arrays, trains nnU-Net by Cohort's plan for three iterations and Cohort by nnU-Net's for three
steps, and prints a line for each. Runs on the processor."""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

NAME = "Dataset001_Rings"
ITERATIONS = 3


def make_data(folder: Path, cases: int = 6) -> None:
    import SimpleITK
    import numpy as np

    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number in range(cases):
        draw = np.random.default_rng(number)
        z, y, x = np.indices((24, 40, 36))
        centre = np.array((12, 20, 18)) + draw.uniform(-2, 2, 3)
        distance = np.sqrt(((z - centre[0]) * 2) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
        label = ((distance < 12) * 1 + (distance < 8) + (distance < 4)).astype(np.uint8)
        image = (100 + 60 * label + draw.normal(0, 12, label.shape)).astype(np.float32)
        image[(abs(y - 20) > 14) | (abs(x - 18) > 14)] = 0
        label[:8] = label[16:] = 4
        for array, name in ((image, f"imagesTr/c{number}_0000"), (label, f"labelsTr/c{number}")):
            volume = SimpleITK.GetImageFromArray(array)
            volume.SetSpacing((1, 1, 2))
            volume.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # To the right and to anterior, as Cohort keeps volumes.
            SimpleITK.WriteImage(volume, str(folder / f"{name}.nii.gz"))
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "middle": 3, "ignore": 4}
    (folder / "dataset.json").write_text(json.dumps(dict(
        channel_names={"0": "MRI"}, labels=labels, regions_class_order=[1, 2, 3], numTraining=cases, file_ending=".nii.gz")))


def compare(ours: Path, theirs: Path, packs: Path) -> None:
    import h5py
    import numpy as np
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

    drawn = "foreground_intensity_properties_per_channel"  # nnU-Net's are those of a sample.
    one, other = ({**json.loads(path.read_text()), drawn: None} for path in (ours, theirs))
    print("plans:", "equal" if one == other else "DIFFERENT")
    known = nnUNetDatasetBlosc2(str(theirs.parent / "nnUNetPlans_3d_fullres"))
    for path in sorted(packs.glob("pack-*.h5")):
        with h5py.File(path) as pack:
            case = re.search(r'"identifier"\s*:\s*"(\w+)"', bytes(pack["index"][:]).decode()).group(1)
            image, label = (np.asarray(part)[0] for part in known.load_case(case)[:2])
            print(
                f"{case}: image {abs(image - pack['image'][..., 0]).max():.1e} apart, {(np.maximum(label, 0) != pack['label'][:]).sum()} labels and "
                f"{((label < 0) != (pack['inside'][:] == 0)).sum()} voxels of the object otherwise")


def train_theirs(plans: Path) -> None:
    os.environ["nnUNet_n_proc_DA"] = "0"  # In this process.
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    trainer = nnUNetTrainer(
        plans={**json.loads(plans.read_text()), "continue_training": False}, configuration="3d_fullres", fold=0,
        dataset_json=json.loads((plans.parent / "dataset.json").read_text()), device=torch.device("cpu"))
    trainer.on_train_start()
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    losses = [float(trainer.train_step(next(trainer.dataloader_train))["loss"]) for _ in range(ITERATIONS)]
    print("nnU-Net by Cohort's plan:", losses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohort", default=".build/release/cohort")
    parser.add_argument("--work", type=Path, required=True, help="a new folder")
    given = parser.parse_args()
    work = given.work.absolute()
    raw, preprocessed = work / "raw" / NAME, work / "preprocessed" / NAME
    # nnU-Net reads these when it is imported.
    os.environ |= dict(
        nnUNet_raw=str(raw.parent), nnUNet_preprocessed=str(preprocessed.parent), nnUNet_results=str(work / "results"),
        nnUNet_compile="f", nnUNet_n_proc_DA="1", OMP_NUM_THREADS="1")

    def run(*arguments: object, **more) -> str:
        return subprocess.run(list(map(str, arguments)), check=True, text=True, stdout=subprocess.PIPE, **more).stdout

    def cohort(*arguments: object) -> str:
        return run(given.cohort, *arguments)

    make_data(raw)
    programs = Path(sys.executable).parent
    run(programs / "nnUNetv2_plan_and_preprocess", "-d", 1, "-c", "3d_fullres", "-np", 1, "-npfp", 1, "--verify_dataset_integrity")
    theirs = preprocessed / "nnUNetPlans.json"
    cohort("plan", raw, "--output", work / "plan", "--threads", 1)
    ours = work / "plan" / "plans.json"
    cohort("prepare", raw, "--plan", ours, "--output", work / "packs")
    compare(ours, theirs, work / "packs")

    cohort("prepare", raw, "--plan", theirs, "--output", work / "packs-of-theirs")
    recipe = work / "run.yaml"
    recipe.write_text(cohort("recipes", "nnunet", "--plan", theirs, "--data", work / "packs-of-theirs"))
    cohort("train", recipe, f"output={work / 'run'}", f"steps={ITERATIONS}", "validation.patches=2")
    steps = [json.loads(line) for line in (work / "run" / "metrics.jsonl").read_text().splitlines()]
    print("Cohort by nnU-Net's plan:", [step["loss"] for step in steps if step["kind"] == "step"])

    theirs.write_text(ours.read_text())
    train_theirs(theirs)


if __name__ == "__main__":
    main()
