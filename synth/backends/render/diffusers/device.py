"""What torch can do on this machine: asked once, told to `auto`, to `synth doctor` and to the loader."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import warnings
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from synth.errors import BackendError, MissingExtra, SynthError

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors")
Kind = Literal["cuda", "cpu"]
#: where AMD's driver is; torch calls its GPUs cuda too
_AMD = Path("/dev/kfd")


@dataclass(frozen=True, slots=True)
class Device:
    """Where pictures are computed. `problem` says why an NVIDIA GPU that is there cannot be used."""

    kind: Kind
    name: str
    torch: str
    memory: float = 0.0
    bfloat16: bool = True
    problem: str = ""
    fix: str = ""


def missing_packages() -> list[str]:
    return [name for name in PACKAGES if find_spec(name) is None]


def require_packages() -> None:
    missing = missing_packages()
    if missing:
        raise MissingExtra(missing[0], "gpu", "--renderer diffusers")


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


def pick(wanted: Kind | None) -> Device:
    """The device for pictures; a GPU that cannot be used is an error, not a night on the CPU.

    Raises:
        SynthError: what is wrong with the GPU, and what to do about it.
    """
    found = find()
    if wanted == "cpu":
        return Device("cpu", "CPU", found.torch)
    if found.kind == "cuda":
        return found
    if found.problem or wanted == "cuda":
        raise BackendError(
            found.problem or "render_settings.device is cuda, but this machine has no NVIDIA GPU.",
            f"{found.fix} To render on the CPU all the same, which takes minutes for a picture: "
            "--set render_settings.device=cpu".strip(),
        )
    return found


def import_torch() -> Any:
    """torch, with its noisy companions told to be quiet."""
    for name in ("diffusers", "transformers"):  # they read it when they are imported
        os.environ.setdefault(f"{name.upper()}_VERBOSITY", "error")
    logging.getLogger("xformers").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(diffusers|transformers)\b")
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("torch", "gpu", "--renderer diffusers") from error
    except (ImportError, OSError, RuntimeError) as error:
        raise SynthError(
            f"torch is installed and cannot be loaded: {error}", "Install it again: pip install 'synth-vlit[gpu]'"
        ) from error
    return torch


@cache
def xformers() -> tuple[bool, str]:
    """Whether xformers loads, and why not. Its binaries fit one version of torch only."""
    try:
        there = version("xformers")
    except PackageNotFoundError:
        return False, "xformers is not installed"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import_module("xformers.ops")
            problem = getattr(import_module("xformers._cpp_lib"), "_cpp_library_load_exception", None)
        except Exception as error:  # a binary for another torch may fail in any way
            problem = error
    if problem is not None:
        first = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        return False, f"xformers {there} does not load: {first}"
    return True, f"xformers {there}"


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
