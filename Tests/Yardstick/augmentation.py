"""nnU-Net's augmentation by batchgeneratorsv2 0.3.6, timed as `cohort bench augment` times its own: milliseconds for a crop on one thread.

The transforms and their numbers are those of MIC-DKFZ/nnUNet v2.8.1 (nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py) without the targets of
deep supervision. Random voxels, and labels in blocks. Prints one JSON object."""

import argparse
import json
import math
import time

import numpy as np
import torch
from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform


def transforms(patch: tuple) -> ComposeTransforms:
    """For a patch that is turned about all three axes."""
    each = dict(synchronize_channels=False, p_per_channel=1)
    angle = (-math.pi / 6, math.pi / 6)
    steps = [
        (1, SpatialTransform(
            patch, patch_center_dist_from_border=0, random_crop=False, p_rotation=0.2, rotation=angle, p_scaling=0.2,
            scaling=(0.7, 1.4), p_synchronize_scaling_across_axes=1, border_mode_seg="constant", padding_value_seg=-1)),
        (0.1, GaussianNoiseTransform(noise_variance=(0, 0.1), p_per_channel=1, synchronize_channels=True)),
        (0.2, GaussianBlurTransform(
            blur_sigma=(0.5, 1.0), synchronize_channels=False, synchronize_axes=False, p_per_channel=0.5, benchmark=True)),
        (0.15, MultiplicativeBrightnessTransform(multiplier_range=BGContrast((0.75, 1.25)), **each)),
        (0.15, ContrastTransform(contrast_range=BGContrast((0.75, 1.25)), preserve_range=True, **each)),
        (0.25, SimulateLowResolutionTransform(
            scale=(0.5, 1), synchronize_channels=False, synchronize_axes=True, ignore_axes=None, allowed_channels=None,
            p_per_channel=0.5)),
        (0.1, GammaTransform(gamma=BGContrast((0.7, 1.5)), p_invert_image=1, p_retain_stats=1, **each)),
        (0.3, GammaTransform(gamma=BGContrast((0.7, 1.5)), p_invert_image=0, p_retain_stats=1, **each)),
        (1, MirrorTransform(allowed_axes=(0, 1, 2))),
        (1, RemoveLabelTansform(-1, 0)),
    ]
    return ComposeTransforms(
        [step if share == 1 else RandomTransform(step, apply_probability=share) for share, step in steps])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patch", required=True, help="D,H,W in voxels")
    parser.add_argument("--enlarged", required=True, help="D,H,W: what is read around it, as cohort bench augment prints it")
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--crops", type=int, default=100)
    given = parser.parse_args()

    torch.manual_seed(1)
    np.random.seed(1)
    torch.set_num_threads(1)
    patch = tuple(int(side) for side in given.patch.split(","))
    enlarged = tuple(int(side) for side in given.enlarged.split(","))
    image = torch.randn(1, *enlarged)
    blocks = [torch.arange(side) // 16 for side in enlarged]
    label = ((blocks[0][:, None, None] + blocks[1][:, None] + blocks[2]) % given.classes).to(torch.int16)[None]
    augment = transforms(patch)
    with torch.no_grad():
        for _ in range(5):
            augment(image=image.clone(), segmentation=label.clone())
        seconds = 0.0
        for _ in range(given.crops):
            data = dict(image=image.clone(), segmentation=label.clone())
            start = time.perf_counter()
            augment(**data)
            seconds += time.perf_counter() - start
    print(json.dumps({"patch": patch, "version": torch.__version__, "millisecondsPerCrop": 1000 * seconds / given.crops}))


if __name__ == "__main__":
    main()
