"""One training step in PyTorch, timed as `cohort bench step` times its own: forward, half Dice and half cross entropy, backward, SGD.

Random voxels and labels, one memory layout. Prints one JSON object with the keys that `compare.py` reads."""

import argparse
import json
import statistics
import time
from typing import Dict

import torch
from torch.nn import functional as F

from networks import networks

LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last_3d}


def loss(logits: torch.Tensor, labels: torch.Tensor, one_hot: torch.Tensor) -> torch.Tensor:
    """Logits and one-hot labels [B, K, D, H, W], labels [B, D, H, W]; Dice over all classes with squared denominators."""
    p = torch.softmax(logits, 1)
    axes = (2, 3, 4)
    dice = 1 - (2 * (p * one_hot).sum(axes) + 1e-5) / ((p * p).sum(axes) + one_hot.sum(axes) + 1e-5)
    return 0.5 * dice.mean() + 0.5 * F.cross_entropy(logits, labels)


def options(texts: list) -> Dict[str, object]:
    """`base=16 norm=instance strides=1,2,2;2,2,2` as arguments of a network: whole numbers and lists of them as such, all else as text."""
    def value(text: str) -> object:
        if ";" in text:
            return tuple(tuple(int(stride) for stride in level.split(",")) for level in text.split(";"))
        return int(text) if text.isdigit() else text

    return {key: value(text) for key, text in (text.split("=", 1) for text in texts)}


def peak_bytes() -> int:
    """The largest memory that this process ever had resident."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=sorted(networks), required=True)
    parser.add_argument("--option", action="append", default=[], help="key=value, as for cohort")
    parser.add_argument("--patch", required=True, help="D,H,W in voxels")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--layout", choices=sorted(LAYOUTS), default="contiguous")
    given = parser.parse_args()

    torch.manual_seed(1)
    torch.set_num_threads(given.threads)
    layout = LAYOUTS[given.layout]
    network = networks[given.network](inputs=given.channels, classes=given.classes, **options(given.option))
    network = network.to(memory_format=layout).train()
    patch = [int(side) for side in given.patch.split(",")]
    x = torch.randn(given.batch, given.channels, *patch).to(memory_format=layout)
    labels = torch.randint(0, given.classes, (given.batch, *patch))
    one_hot = F.one_hot(labels, given.classes).movedim(-1, 1).float().contiguous(memory_format=layout)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    seconds = []
    for _ in range(given.warmup + given.steps):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        value = loss(network(x), labels, one_hot)
        value.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    timed = seconds[given.warmup:]
    print(json.dumps({
        "network": given.network, "layout": given.layout, "version": torch.__version__, "loss": value.item(),
        "medianSeconds": statistics.median(timed), "minimumSeconds": min(timed), "peakBytes": peak_bytes(),
        "parameters": sum(p.numel() for p in network.parameters())}))


if __name__ == "__main__":
    main()
