"""What torch can do on this machine: asked once, told to `auto`, to `synth doctor` and to the loaders."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from synth.errors import MissingExtra, SynthError

Kind = Literal["cuda", "cpu"]
#: where AMD's driver is; torch calls its GPUs cuda too
_AMD = Path("/dev/kfd")


@dataclass(frozen=True, slots=True)
class Device:
    """Where models are computed. `problem` says why an NVIDIA GPU that is there cannot be used."""

    kind: Kind
    name: str
    torch: str
    memory: float = 0.0
    bfloat16: bool = True
    problem: str = ""
    fix: str = ""


@cache
def find() -> Device:
    """The GPU if torch can use one, else the CPU. Imports torch, which takes seconds, only where there is a GPU.

    Raises:
        SynthError: torch is installed and cannot be loaded.
    """
    nvidia = _gpu_there()
    if not nvidia and not _AMD.exists():
        return Device("cpu", "CPU", version("torch"))
    torch = import_torch()
    with warnings.catch_warnings(record=True) as caught:  # torch says here that a driver is too old
        warnings.simplefilter("always")
        usable = bool(torch.cuda.is_available())
    if usable:
        properties = torch.cuda.get_device_properties(0)
        return Device(
            kind="cuda",
            name=str(properties.name),
            torch=str(torch.__version__),
            memory=properties.total_memory / 1e9,
            bfloat16=bool(torch.cuda.is_bf16_supported(including_emulation=False)),
        )
    problem, fix = _why_not(torch, " ".join(str(one.message) for one in caught)) if nvidia else ("", "")
    return Device("cpu", "CPU", str(torch.__version__), problem=problem, fix=fix)


def import_torch() -> Any:
    """torch, with its noisy companions told to be quiet."""
    for name in ("diffusers", "transformers"):  # they read it when they are imported
        os.environ.setdefault(f"{name.upper()}_VERBOSITY", "error")
    logging.getLogger("xformers").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(diffusers|transformers)\b")
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("torch", "gpu", "A model on the GPU") from error
    except (ImportError, OSError, RuntimeError) as error:
        raise SynthError(
            f"torch is installed and cannot be loaded: {error}", "Install it again: pip install 'synth-vlit[gpu]'"
        ) from error
    return torch


def _gpu_there() -> bool:
    """Whether there is an NVIDIA driver, whatever torch makes of it."""
    if shutil.which("nvidia-smi"):
        return True
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _why_not(torch: Any, said: str) -> tuple[str, str]:
    built_for = torch.version.cuda
    if built_for is None:
        return (
            f"This machine has an NVIDIA GPU, but torch {torch.__version__} is a build without CUDA.",
            "Install a CUDA build of torch, see https://pytorch.org/get-started/locally.",
        )
    if "driver" in said and "old" in said:
        return (
            f"The NVIDIA driver is too old for torch {torch.__version__}, which is built for CUDA {built_for}: {said}",
            f"Update the driver, or install a torch that is built for an older CUDA than {built_for}.",
        )
    return (
        f"This machine has an NVIDIA driver, but torch {torch.__version__} (CUDA {built_for}) finds no GPU it can "
        f"use{': ' + said if said else ''}.",
        "Look at nvidia-smi and at CUDA_VISIBLE_DEVICES.",
    )
