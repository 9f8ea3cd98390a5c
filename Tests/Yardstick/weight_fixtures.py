"""Writes the files of Tests/WeightsTests/Fixtures as torch.save writes them; the tests know the values, which follow from formulas.

Run with the folder as argument, in the Python of `make compare`."""

import argparse
import collections
import pathlib
import sys

import numpy as np
import torch
from torch import nn


def ramp(*shape: int) -> torch.Tensor:
    """0, 0.25, 0.5, ... in row-major order: exact in every floating-point type here."""
    return torch.arange(int(np.prod(shape)), dtype=torch.float32).reshape(shape) / 4


def kinds() -> dict:
    """One tensor of every type and layout that is read."""
    shared = ramp(12)
    return collections.OrderedDict(
        float=ramp(2, 3),
        half=ramp(5).half(),
        bfloat=ramp(4).bfloat16(),
        long=torch.tensor([-7, 1 << 20]),
        int=torch.tensor([3, -4], dtype=torch.int32),
        byte=torch.tensor([0, 255], dtype=torch.uint8),
        bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3),
        parameter=nn.Parameter(ramp(3)),
        transposed=ramp(2, 3, 4).permute(2, 0, 1),
        strided=ramp(3, 8)[:, 1::3],
        head=shared[:4],
        tail=shared[4:].view(2, 4),
    )


def checkpoint() -> dict:
    """What training programs save: weights among the optimiser's state, options and numbers of every kind."""
    model = nn.Linear(2, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        model.weight.copy_(ramp(3, 2))
        model.bias.copy_(ramp(3))
    return {
        "model_state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": schedule.state_dict(),
        "args": argparse.Namespace(lr=0.1, device=torch.device("cpu"), size=(1, 2), out=pathlib.PosixPath("/x")),
        "epoch": 3,
        "losses": [1.0, np.float32(2), np.float64(3)],
        "array": np.zeros(3),
        "seed": 1 << 70,
        "best": None,
        "shape": torch.Size([1, 2]),
        "seen": {1, 2},
    }


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    state = collections.OrderedDict(weight=ramp(2, 2))
    torch.save(kinds(), folder / "kinds.pth")
    torch.save(checkpoint(), folder / "checkpoint.pth")
    for place in ("state_dict", "network_weights", "model"):
        torch.save({"epoch": 1, place: state}, folder / f"{place}.pth")
    torch.save({"module." + name: value for name, value in state.items()}, folder / "parallel.pth")
    torch.save(state, folder / "protocol4.pth", pickle_protocol=4)
    torch.save({"single": ramp(2), "double": ramp(2).double()}, folder / "double.pth")
    torch.save({"wide": torch.ones(1).expand(1000)}, folder / "expanded.pth")
    torch.save(nn.Linear(2, 3), folder / "module.pth")
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
