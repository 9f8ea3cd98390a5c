"""Registration by SimpleITK on the pairs that `cohort bench registration --json` names: an affine map by mutual information, then symmetric
demons on the same grid, on one thread. Prints a table of both.

Each step of SimpleITK was given what suits it: intensities between their 1st and 99th percentile, three grids, histograms matched before demons."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk


def dice(labels: np.ndarray, truth: np.ndarray) -> float:
    classes = [k for k in np.unique(truth) if k > 0]
    return float(np.mean([2 * np.sum((labels == k) & (truth == k)) / (np.sum(labels == k) + np.sum(truth == k)) for k in classes]))


def on_grid(image: sitk.Image, millimetres: float) -> sitk.Image:
    size = [max(1, round(n * s / millimetres)) for n, s in zip(image.GetSize(), image.GetSpacing())]
    if np.allclose(image.GetSpacing(), millimetres):
        return image
    image = sitk.SmoothingRecursiveGaussian(image, [0.5 * millimetres] * 3)
    return sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), [millimetres] * 3, image.GetDirection())


def clipped(image: sitk.Image) -> sitk.Image:
    low, high = np.percentile(sitk.GetArrayViewFromImage(image), [1, 99])
    return sitk.RescaleIntensity(sitk.Clamp(image, sitk.sitkFloat32, float(low), float(high)), 0, 1)


def affine(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    start = sitk.CenteredTransformInitializer(fixed, moving, sitk.AffineTransform(3), sitk.CenteredTransformInitializerFilter.GEOMETRY)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(learningRate=1.0, minStep=0.001, numberOfIterations=100, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SetInitialTransform(start, inPlace=False)
    return method.Execute(fixed, moving)


def demons(fixed: sitk.Image, moving: sitk.Image, iterations: int, sigma: float) -> sitk.Transform:
    """`moving` lies on the grid of `fixed`; coarse grids first."""
    moving = sitk.HistogramMatching(moving, fixed, 128, 10, True)
    field = None
    for shrink in [4, 2, 1]:
        small = [sitk.Shrink(sitk.SmoothingRecursiveGaussian(image, 0.5 * shrink * image.GetSpacing()[0]), [shrink] * 3) if shrink > 1 else image
                 for image in (fixed, moving)]
        method = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        method.SetNumberOfIterations(iterations)
        method.SetSmoothDisplacementField(True)
        method.SetStandardDeviations(sigma)
        if field is None:
            field = method.Execute(*small)
        else:
            field = method.Execute(*small, sitk.Resample(field, small[0]))
    return sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))


def register(folder: Path, pair: dict, given) -> tuple:
    def read(kind: str, name: str, ending: str = "") -> sitk.Image:
        return sitk.ReadImage(str(folder / kind / f"{name}{ending}.nii.gz"))

    fixed, moving = (sitk.Cast(read("imagesTr", pair[role], "_0000"), sitk.sitkFloat32) for role in ("fixed", "moving"))
    truth, labels = (read("labelsTr", pair[role]) for role in ("fixed", "moving"))
    for image, label in ((fixed, truth), (moving, labels)):
        label.CopyInformation(image)
    began = time.perf_counter()
    small, other = (clipped(on_grid(image, given.millimetres)) for image in (fixed, moving))
    first = affine(small, other)
    second = demons(small, sitk.Resample(other, small, first, sitk.sitkLinear, 0.0), given.iterations, given.sigma)
    both = sitk.CompositeTransform([first, second])
    votes = [sitk.GetArrayFromImage(sitk.Resample(sitk.Cast(labels == k, sitk.sitkFloat32), fixed, both, sitk.sitkLinear, 0.0))
             for k in range(int(sitk.GetArrayViewFromImage(labels).max()) + 1)]
    votes[0] = 1 - sum(votes[1:])
    carried = np.argmax(np.stack(votes), axis=0)
    seconds = time.perf_counter() - began
    return dice(carried, sitk.GetArrayViewFromImage(truth)), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", help="what cohort bench registration --json printed")
    parser.add_argument("--dataset", required=True, type=Path)
    parser.add_argument("--iterations", type=int, default=50, help="of demons on each grid")
    parser.add_argument("--sigma", type=float, default=1.5, help="voxels by which demons smooth the displacements")
    given = parser.parse_args()
    ours = json.loads(Path(given.result).read_text())
    given.millimetres = ours["millimetres"]
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    theirs = [register(given.dataset, pair, given) for pair in ours["pairs"]]
    print(f"{len(theirs)} pairs at {given.millimetres:.2f} mm, one thread, {ours['machine']['processor']}\n")
    print("| program | mean Dice | least | seconds a pair |\n| --- | --: | --: | --: |")
    for name, rows in (("SimpleITK " + sitk.Version_VersionString(), theirs), ("Cohort", [(p["dice"], p["seconds"]) for p in ours["pairs"]])):
        print(f"| {name} | {np.mean([r[0] for r in rows]):.4f} | {min(r[0] for r in rows):.3f} | {np.mean([r[1] for r in rows]):.2f} |")


if __name__ == "__main__":
    main()
