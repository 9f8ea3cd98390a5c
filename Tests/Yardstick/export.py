"""What `cohort checkpoint export` writes, opened by the programs that it is for: onnxruntime, PyTorch, safetensors, MONAI.

Needs torch, onnx, onnxruntime, safetensors, monai, pytorch-ignite, nibabel, scipy and dynamic_network_architectures. Trains each network for two steps, and one
longer for MONAI, whose label maps of turned and resampled images are held against `cohort predict`. Prints a table, and ends with 1 if anything is beyond its
bound. Runs on the processor."""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

NETWORKS = [
    ("unet3d", ["base=4"]),
    ("vnet", ["base=4"]),
    ("vnet", ["base=4", "norm=instance"]),
    ("stunet", ["base=4"]),
    ("plainconvunet", ["base=4", "strides=1,2,2;2,2,2;2,2,2", "kernels=1,3,3;3,3,3;3,3,3;3,3,3"]),
]
PATCH = [64, 64, 64]
LOGITS, DICE = 1e-4, 0.99


def run(cohort: str, *arguments: str) -> str:
    done = subprocess.run([cohort, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"cohort {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def make_data(cohort: str, folder: Path) -> None:
    """Phantoms of 2 mm, prepared at 2.5 mm; test images are turned and mirrored, and their borders are zero."""
    import nibabel
    import numpy as np

    raw = folder / "raw"
    run(cohort, "synthesize", "--output", raw, "--subjects", "8", "--labelled", "4", "--seed", "3", "--spacing", "2")
    for number, path in enumerate(sorted((raw / "imagesTs").iterdir())):
        image = nibabel.load(path)
        values = np.asarray(image.dataobj).copy()
        values[:4 + number] = 0
        turned = nibabel.Nifti1Image(values, image.affine, image.header).as_reoriented(
            np.array([[1, -1], [2, 1], [0, -1]]) if number % 2 else np.array([[0, -1], [2, -1], [1, 1]]))
        nibabel.save(turned, path)
    run(cohort, "prepare", raw, "--output", folder / "packs", "--spacing", "2.5")


def train(cohort: str, folder: Path, name: str, network: str, options: list, steps: int, patch: list) -> Path:
    lines = "".join(f", {key}: '{value}'" for key, value in (option.split("=", 1) for option in options))
    (folder / f"{name}.yaml").write_text(
        f"data: {folder}/packs\noutput: {folder}/{name}\nmethod: supervised\nnetwork: {{name: {network}{lines}}}\npatch: {patch}\n"
        f"steps: {steps}\nlanes: 1\noptimizer: {{learningRate: 0.02}}\n")
    run(cohort, "train", folder / f"{name}.yaml")
    for ending in ("safetensors", "pth", "onnx", "bundle"):
        run(cohort, "checkpoint", "export", folder / name, "--output", folder / f"{name}.{ending}", "--licence", "CC BY 4.0")
    return folder / name


def check_network(cohort: str, run_folder: Path, network: str, options: list) -> dict:
    """The largest differences of logits from those of Cohort, relative to their range, and whether the arrays are the same."""
    import numpy as np
    import onnx
    import onnxruntime
    import torch
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    made = lambda ending: f"{run_folder}.{ending}"
    with safe_open(made("safetensors"), "np") as file:
        facts = file.metadata()
    arrays, weights = load_file(made("safetensors")), torch.load(made("pth"), weights_only=True)
    same = arrays.keys() == weights.keys() and all(np.array_equal(arrays[name], weights[name].numpy()) for name in arrays)
    same = same and json.loads(facts["patch"]) == PATCH and facts["licence"] == "CC BY 4.0" and len(facts["data"]) > 8

    image = np.random.default_rng(1).normal(size=(2, 1, *PATCH)).astype(np.float32)
    save_file({"input": image}, made("input.safetensors"))
    classes = str(len(json.loads(facts["classes"])))
    run(cohort, "network", "forward", "--network", network, *[word for option in options for word in ("--option", option)],
        "--classes", classes, "--weights", made("pth"), "--input", made("input.safetensors"), "--output", made("logits.safetensors"))
    expected = load_file(made("logits.safetensors"))["logits"]
    spread = float(expected.max() - expected.min())
    difference = lambda found: float(np.abs(found - expected).max()) / spread

    model = onnx.load(made("onnx"))
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == 17
    session = onnxruntime.InferenceSession(made("onnx"), providers=["CPUExecutionProvider"])
    both = session.run(None, {"image": image})[0]
    single = session.run(None, {"image": image[1:]})[0]
    result = {"range": spread, "onnxruntime": difference(both), "batch of one": float(np.abs(single - both[1:]).max()) / spread, "arrays": same}
    result["starts"] = starts(cohort, run_folder)
    if network == "plainconvunet":
        result["nnU-Net's own"] = difference(nnunet_logits(weights, image, int(classes)))
    return result


def starts(cohort: str, run_folder: Path) -> bool:
    """Whether a new run begins with all arrays of both files, and with all but the heads by default."""
    good = True
    for ending in ("safetensors", "pth"):
        for load, rest in (("all", ""), ("body", "begin anew")):
            again = Path(f"{run_folder}-{ending}-{load}")
            said = run(cohort, "train", f"{run_folder}.yaml", f"output={again}", "steps=1", f"network.weights={run_folder}.{ending}",
                       f"network.load={load}")
            found = re.search(r"(\d+) of (\d+) arrays loaded", said)
            good = good and found and rest in said and (load == "body" or found[1] == found[2])
    return bool(good)


def nnunet_logits(weights: dict, image, classes: int):
    """Logits of nnU-Net's class with the exported state dict."""
    import torch
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    network = PlainConvUNet(
        1, 4, (4, 8, 16, 32), torch.nn.Conv3d, [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
        [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]], 2, classes, 2, conv_bias=True, norm_op=torch.nn.InstanceNorm3d,
        norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=torch.nn.LeakyReLU, nonlin_kwargs={"inplace": True})
    keys = network.load_state_dict(weights, strict=False)
    missing = [name for name in keys.missing_keys if "all_modules" not in name and not name.startswith("decoder.encoder.")]
    assert not missing and not keys.unexpected_keys, (missing, keys.unexpected_keys)
    with torch.no_grad():
        return network.eval()(torch.from_numpy(image)).numpy()


def check_bundle(cohort: str, folder: Path, run_folder: Path) -> dict:
    """The lowest Dice of a class between the label maps of the bundle and of `cohort predict`, and the share of equal voxels."""
    import nibabel
    import numpy as np

    ours, theirs, images = folder / "ours", folder / "theirs", folder / "raw/imagesTs"
    run(cohort, "predict", "--checkpoint", run_folder, "--input", images, "--output", ours)
    done = subprocess.run(
        [sys.executable, "-m", "monai.bundle", "run", "--config_file", "configs/inference.json", "--dataset_dir", str(images),
         "--output_dir", str(theirs)], cwd=f"{run_folder}.bundle", capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-6000:])
    lowest, equal, classes = 1.0, 1.0, set()
    for path in sorted(ours.glob("*.nii.gz")):
        a, b = nibabel.load(path), nibabel.load(theirs / path.name)
        assert np.allclose(a.affine, b.affine, atol=1e-4) and a.shape == b.shape, path
        a, b = np.asarray(a.dataobj), np.asarray(b.dataobj)
        equal = min(equal, float((a == b).mean()))
        for label in set(np.unique(a)) | set(np.unique(b)) - {0}:
            classes.add(int(label))
            lowest = min(lowest, 2 * float(((a == label) & (b == label)).sum()) / float((a == label).sum() + (b == label).sum()))
    return {"dice": lowest, "equal": equal, "classes": sorted(classes)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohort", default=".build/release/cohort")
    parser.add_argument("--folder", default="compare/export", type=Path, help="new folder for data, runs and exports")
    parser.add_argument("--steps", default=400, type=int, help="steps of the network whose bundle is compared")
    arguments = parser.parse_args()
    cohort, folder = os.path.abspath(arguments.cohort), arguments.folder.resolve()
    folder.mkdir(parents=True)
    make_data(cohort, folder)
    good = True
    print("| network | range of logits | onnxruntime - Cohort, of the range | batch of 1 - batch of 2 | torch and safetensors | runs begin with them | nnU-Net's class |")
    print("| --- | --: | --: | --: | --- | --- | --: |")
    for number, (network, options) in enumerate(NETWORKS):
        found = check_network(cohort, train(cohort, folder, f"run{number}", network, options, 2, PATCH), network, options)
        nnunet = found.get("nnU-Net's own")
        print(f"| {network} {' '.join(options[:2])} | {found['range']:.2f} | {found['onnxruntime']:.1e} | {found['batch of one']:.1e} | "
              f"{'the same' if found['arrays'] else 'DIFFER'} | {'yes' if found['starts'] else 'NO'} | {'' if nnunet is None else f'{nnunet:.1e}'} |", flush=True)
        good = good and found["arrays"] and found["starts"] and max(found["onnxruntime"], found["batch of one"], nnunet or 0) < LOGITS
    found = check_bundle(cohort, folder, train(cohort, folder, "bundled", "unet3d", ["base=8"], arguments.steps, [32, 32, 32]))
    print(f"MONAI's bundle against cohort predict: lowest Dice of a class {found['dice']:.4f}, equal voxels {found['equal']:.5f}, "
          f"classes {found['classes']}")
    sys.exit(0 if good and found["dice"] >= DICE else 1)


if __name__ == "__main__":
    main()
