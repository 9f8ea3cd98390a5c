"""What Cohort does to volumes before and after the network and MONAI has no transform for."""

import itertools
import math
import re
from pathlib import Path

import nibabel
import numpy
import torch
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.transforms import FillHoles, InvertibleTransform, MapTransform, Orientation
from monai.utils import TraceKeys, convert_to_dst_type
from scipy import ndimage


def cases(folder: str, channels: int) -> list[dict]:
    """The files of each case: NAME_0000.nii.gz, NAME_0001.nii.gz, ... with several channels; the number may be missing with one."""
    first = sorted(str(path) for path in Path(folder).glob("*.nii*") if channels == 1 or "_0000." in path.name)
    if not first:
        raise FileNotFoundError(f"{folder} holds no image: name the folder by --dataset_dir.")
    return [{"image": [path.replace("_0000.", f"_{channel:04}.") for channel in range(channels)]} for path in first]


class FileOrderd(MapTransform, InvertibleTransform):
    """Puts the axes z, y, x of the file, whatever they are, into an order; each runs to the right, to anterior or to superior."""

    def __init__(self, keys: str, transpose: list[int]) -> None:
        super().__init__(keys)
        self.transpose, self.turn = transpose, Orientation(axcodes="SAR", labels=None)

    def __call__(self, data: dict) -> dict:
        data = dict(data)
        for key in self.key_iterator(data):
            axes = ["RAS"[int(axis)] for axis in nibabel.io_orientation(data[key].affine.numpy())[:, 0]]
            self.turn.axcodes = "".join(axes[2 - axis] for axis in self.transpose)
            data[key] = self.turn(data[key])
        return data

    def inverse(self, data: dict) -> dict:
        return {**data, **{key: self.turn.inverse(data[key]) for key in self.key_iterator(data)}}


class NormalizeChannelsd(MapTransform):
    """Brings each channel [C, D, H, W] to the network's scale by its own rule."""

    def __init__(self, keys: str, rules: list[dict]) -> None:
        super().__init__(keys)
        self.rules = rules

    def __call__(self, data: dict) -> dict:
        data = dict(data)
        for key in self.keys:
            image = data[key].clone()
            inside = (data[key] != 0).any(dim=0, keepdim=True)
            if any(rule["over"] == "object" for rule in self.rules):
                inside = FillHoles(connectivity=1)(inside.to(torch.uint8)) > 0
            for channel, rule in enumerate(self.rules):
                where = {"crop": torch.ones_like(inside[0]), "nonzero": image[channel] != 0, "object": inside[0]}[rule["over"]]
                image[channel] = normalized(image[channel], where.bool(), rule)
            data[key] = image
        return data


def normalized(image: torch.Tensor, where: torch.Tensor, rule: dict) -> torch.Tensor:
    """A channel by its rule; only voxels of `where` count and change."""
    scheme = rule["scheme"]
    if scheme == "ZScoreNormalization":
        seen = image[where].double()
        deviation = max(float(seen.std(correction=0)), 1e-8)
        return torch.where(where, ((image.double() - seen.mean()) / deviation).float(), image)
    if scheme == "CTNormalization":
        known = rule["foreground"]
        return (image.clamp(known["lowest"], known["highest"]) - known["mean"]) / max(known["standardDeviation"], 1e-8)
    if scheme == "RescaleTo01Normalization":
        return (image - image.min()) / max(float(image.max() - image.min()), 1e-8)
    return image / 255 if scheme == "RGBTo01Normalization" else image


class ResampleEdgesd(MapTransform, InvertibleTransform):
    """Resamples [C, D, H, W] to a spacing (mm) as nnU-Net does: the edges of the volume stay, by cubic splines; along the axis of slices far apart the nearest
    slice is taken. The inverse is linear, for logits. The affine stays that of the image: only the network sees the new grid."""

    def __init__(self, keys: str, spacing: list) -> None:
        super().__init__(keys)
        self.spacing = spacing

    def __call__(self, data: dict) -> dict:
        data = dict(data)
        for key in self.key_iterator(data):
            image, sizes = data[key], list(data[key].shape[1:])
            old = [float(side) for side in image.pixdim]
            new = [side or known for side, known in zip(self.spacing, old)]
            separate = separate_axis(old, new)
            wanted = [max(1, round(size * a / b)) for size, a, b in zip(sizes, old, new)]
            inner = [size if axis == separate else target for axis, (size, target) in enumerate(zip(sizes, wanted))]
            values = torch.stack([splined(channel, inner) for channel in image.as_tensor()])
            result = MetaTensor(nearest(values, separate, wanted), meta=image.meta, applied_operations=image.applied_operations)
            self.push_transform(result, extra_info={"sizes": sizes, "separate": separate})
            data[key] = result
        return data

    def inverse(self, data: dict) -> dict:
        data = dict(data)
        for key in self.key_iterator(data):
            info = self.pop_transform(data[key])[TraceKeys.EXTRA_INFO]
            sizes, separate, scores = info["sizes"], info["separate"], data[key]
            values = nearest(scores.as_tensor(), separate, sizes)
            values = torch.nn.functional.interpolate(values[None].float(), size=sizes, mode="trilinear", align_corners=False)[0]
            data[key] = MetaTensor(values, meta=scores.meta, applied_operations=scores.applied_operations)
        return data


def separate_axis(old: list, new: list) -> int | None:
    """The axis of slices more than three times as far apart as voxels within them, if there is just one."""
    for spacing in (old, new):
        if max(spacing) > 3 * min(spacing):
            return spacing.index(max(spacing)) if spacing.count(max(spacing)) == 1 else None
    return None


def splined(image: torch.Tensor, sizes: list) -> torch.Tensor:
    """A channel [D, H, W] with other sizes, by cubic splines, within the range of its values."""
    if list(image.shape) == sizes:
        return image
    values = image.cpu().double().numpy()
    factors = [wanted / size for wanted, size in zip(sizes, image.shape)]
    result = ndimage.zoom(values, factors, order=3, mode="nearest", grid_mode=True)
    return torch.from_numpy(result.clip(values.min(), values.max()).astype(numpy.float32)).to(image.device)


def nearest(values: torch.Tensor, axis: int | None, sizes: list) -> torch.Tensor:
    """The nearest slices of [C, D, H, W] along one axis."""
    if axis is None:
        return values
    old, new = values.shape[1 + axis], sizes[axis]
    return values.index_select(1 + axis, torch.arange(new).mul(2).add(1).mul(old).div(2 * new, rounding_mode="floor").clamp(max=old - 1))


class VolumeInferer(Inferer):
    """Averages logits of windows over [1, C, D, H, W], which lie at most a share of the patch apart, spread evenly, and weigh less towards their borders. A
    volume smaller than a patch is continued by each channel's smallest value, or by zeros."""

    def __init__(self, patch: list[int], padding: str, step: float) -> None:
        super().__init__()
        self.patch, self.padding, self.step = patch, padding, step

    def __call__(self, inputs: torch.Tensor, network, *args, **kwargs) -> torch.Tensor:
        sizes = inputs.shape[2:]
        missing = [max(0, side - size) for side, size in zip(self.patch, sizes)]
        before = [count // 2 for count in missing]
        sides = [side for count, first in zip(missing[::-1], before[::-1]) for side in (first, count - first)]
        floor = inputs.amin((2, 3, 4), keepdim=True) if self.padding == "smallest" else 0
        volume = torch.nn.functional.pad(inputs - floor, sides) + floor
        weight, sums, weights = window_weight(self.patch).to(volume.device), 0, 0
        for start in itertools.product(*map(self.starts, volume.shape[2:], self.patch)):
            place = (..., *(slice(first, first + side) for first, side in zip(start, self.patch)))
            scores = network(volume[place], *args, **kwargs)
            if isinstance(sums, int):
                sums, weights = (scores.new_zeros((1, count, *volume.shape[2:])) for count in (scores.shape[1], 1))
            sums[place] += weight * scores
            weights[place] += weight
        inner = (..., *(slice(first, first + size) for first, size in zip(before, sizes)))
        return convert_to_dst_type((sums / weights)[inner], inputs)[0]  # with the image's file and grid

    def starts(self, size: int, side: int) -> list[int]:
        """The first voxels of the windows along an axis."""
        last = size - side
        count = math.ceil(last / (side * self.step)) + 1
        return [round(number * last / (count - 1)) for number in range(count)] if count > 1 else [0]


def window_weight(patch: list[int]) -> torch.Tensor:
    """A Gaussian around the middle of a patch [D, H, W] with a standard deviation of an eighth of each side."""
    axes = [torch.exp(-0.5 * ((torch.arange(side) - side // 2) / (side / 8)) ** 2) for side in patch]
    return axes[0][:, None, None] * axes[1][:, None] * axes[2]


class Labelsd(MapTransform):
    """Logits [K, D, H, W] to labels [1, D, H, W]: the class of the highest, or each region above 0 paints its label over those before it."""

    def __init__(self, keys: str, regions: list[int] | None) -> None:
        super().__init__(keys)
        self.regions = regions

    def __call__(self, data: dict) -> dict:
        data = dict(data)
        for key in self.keys:
            logits = data[key]
            labels = logits.argmax(dim=0, keepdim=True)
            if self.regions is not None:
                labels = torch.zeros_like(labels)
                for score, label in zip(logits, self.regions):
                    labels[0][score > 0] = label
            data[key] = labels.to(torch.uint8)
        return data


class SaveLabelsd(MapTransform):
    """Writes labels [1, D, H, W] as NIfTI on the grid of their image, under its name without the number of a channel. MONAI's SaveImaged fails on images of
    several files whose axes are turned."""

    def __init__(self, keys: str, output_dir: str) -> None:
        super().__init__(keys)
        self.folder = Path(output_dir)

    def __call__(self, data: dict) -> dict:
        self.folder.mkdir(parents=True, exist_ok=True)
        for key in self.keys:
            labels = data[key]
            name = re.sub(r"(_0000)?\.nii(\.gz)?$", "", Path(str(labels.meta["filename_or_obj"])).name)
            image = nibabel.Nifti1Image(labels.as_tensor()[0].cpu().numpy(), labels.affine.cpu().numpy())
            nibabel.save(image, self.folder / f"{name}.nii.gz")
        return data
