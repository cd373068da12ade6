"""On which devices pictures are computed: what `render_settings.device` means on this machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from synth.backends.device import Device
from synth.backends.render.diffusers import device as own
from synth.errors import SynthError

_NAME = re.compile(r"cpu|cuda(?::(\d+))?")


def place(wanted: Sequence[str] | None) -> tuple[Device, tuple[str, ...]]:
    """What the devices can do, all of them, and their names, one for each pipeline: `cpu`, `cuda:0`, `cuda:1`.

    Nothing and `cuda` mean every GPU that torch sees; a name that stands twice gets two pipelines.

    Raises:
        SynthError: it is no name of a device, there is no such GPU, or it cannot be used.
    """
    names = list(wanted or ())
    for name in names:
        if not _NAME.fullmatch(name):
            raise SynthError(
                f"render_settings.device: '{name}' is no device.",
                "Use cuda, cuda:1 or cpu, or a list of them.",
            )
    kinds = {"cuda" if name.startswith("cuda") else "cpu" for name in names}
    if len(kinds) > 1:
        raise SynthError(
            "render_settings.device: GPUs and CPU together would make different pictures.", "Use one kind alone."
        )
    device = own.pick("cuda" if "cuda" in kinds else "cpu" if kinds else None)
    if device.kind == "cpu":
        return device, tuple(names or ["cpu"])
    return _gpus(device, names)


def _gpus(device: Device, names: Sequence[str]) -> tuple[Device, tuple[str, ...]]:
    """The weakest of the GPUs decides what all of them are asked for."""
    import torch

    there = torch.cuda.device_count()
    found: list[int] = []
    for name in names or ["cuda"]:
        _, _, number = name.partition(":")
        found += [int(number)] if number else range(there)
    beyond = [number for number in found if number >= there]
    if beyond:
        raise SynthError(
            f"render_settings.device: there is no cuda:{beyond[0]}; torch sees {there} GPU{'s' if there > 1 else ''}.",
            "Look at nvidia-smi and at CUDA_VISIBLE_DEVICES; numbers begin with 0.",
        )
    memory = min(torch.cuda.get_device_properties(number).total_memory for number in found) / 1e9
    modern = all(torch.cuda.get_device_capability(number)[0] >= 8 for number in found)
    return (
        replace(device, memory=memory, bfloat16=device.bfloat16 and modern),
        tuple(f"cuda:{number}" for number in found),
    )
