"""On what diffusers draws: what it needs installed, which device the settings mean, and whether xformers loads."""

from __future__ import annotations

import warnings
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from synth.backends import device as machine
from synth.backends.device import Device, Kind
from synth.errors import BackendError, MissingExtra

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors")


def missing_packages() -> list[str]:
    return [name for name in PACKAGES if find_spec(name) is None]


def require_packages() -> None:
    missing = missing_packages()
    if missing:
        raise MissingExtra(missing[0], "render", "--renderer diffusers")


def pick(wanted: Kind | None) -> Device:
    """The device for pictures; a GPU that cannot be used is an error, not a night on the CPU.

    Raises:
        SynthError: what is wrong with the GPU, and what to do about it.
    """
    found = machine.find()
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
