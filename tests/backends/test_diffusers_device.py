"""The diffusers renderer. What torch can do on this machine, and what follows from it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusing
import pytest
import torch
from diffusing import apart, ask, made, painter, refused, started

from synth.backends import device as machine
from synth.backends.device import Device
from synth.backends.render.base import RenderSettings
from synth.backends.render.diffusers import Diffusers, device, source
from synth.errors import MissingExtra

pytestmark = diffusing.MARKS


@pytest.fixture
def fresh() -> Iterator[None]:
    asked = machine.find
    asked.cache_clear()
    yield
    asked.cache_clear()


def cuda(monkeypatch: pytest.MonkeyPatch, built_for: str | None, says: str, driver: bool = True) -> None:
    def available() -> bool:
        if says:
            warnings.warn(says, stacklevel=2)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", available)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    monkeypatch.setattr(machine, "_gpu_there", lambda: driver)


@pytest.mark.parametrize(
    ("built_for", "says", "message", "fix"),
    [
        ("13.0", "The NVIDIA driver on your system is too old (found version 11040).", "too old", "Update the driver"),
        (None, "", "is a build without CUDA", "pytorch.org"),
        ("13.0", "", "finds no GPU it can use", "CUDA_VISIBLE_DEVICES"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_an_error(
    built_for: str | None, says: str, message: str, fix: str, fresh: None, models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    cuda(monkeypatch, built_for, says)
    error = refused(models["sd15"])
    assert message in error.message and fix in error.fix and "render_settings.device=cpu" in error.fix
    assert Diffusers.available() == (False, error.message)
    assert not Diffusers.suits_auto()
    assert made(models["sd15"], device="cpu").identity()["dtype"] == "float32"


def test_without_a_gpu_it_runs_when_named_and_auto_leaves_it(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.run.select import options, resolve

    cuda(monkeypatch, None, "", driver=False)
    assert Diffusers.available()[0] and "no GPU" in Diffusers.available()[1]
    assert "diffusers" in {one.name for one in options("synth.renderers")}
    assert resolve("synth.renderers", "auto")[0] != "diffusers"
    assert "this machine has no NVIDIA GPU" in refused("sd15", device="cuda").message


def test_with_a_gpu_auto_takes_it_with_a_preset_that_fits(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.run.select import resolve

    monkeypatch.setattr(machine, "find", lambda: Device("cuda", "Fine GPU", "2.13", memory=24.0))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(total_memory=24e9))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number: (8, 6))
    name, why = resolve("synth.renderers", "auto")
    assert (name, why) == ("diffusers", "Fine GPU, 24 GB: preset sdxl fits")
    lines = "\n".join(Diffusers.diagnosis())
    assert "sd15 (7 GB)" in lines and "flux-schnell" not in lines
    assert Diffusers.gpu_memory() == 15


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "missing_packages", lambda: ["diffusers"])
    assert Diffusers.available() == (False, "not installed: diffusers (pip install 'synth-vlit[render]')")
    with pytest.raises(MissingExtra, match="synth-vlit"):
        Diffusers.create("sd15", RenderSettings())


def test_half_precision_is_for_gpus(models: dict[str, Path]) -> None:
    from synth.backends.render.diffusers import presets, recipe

    preset = presets.Preset(model=str(models["sd15"]))
    found = source.find(preset)

    def dtype(one: Device, preset: presets.Preset = preset, **settings: Any) -> str:
        return recipe.resolve("", preset, RenderSettings(**settings), found, one).dtype

    new = Device("cuda", "new", "2.13")
    old = Device("cuda", "old", "2.13", bfloat16=False)
    cpu = Device("cpu", "CPU", "2.13")
    assert [dtype(one) for one in (new, old, cpu)] == ["bfloat16", "float16", "float32"]
    assert dtype(new, preset.model_copy(update={"dtype": "float16"})) == "float16"
    assert dtype(cpu, dtype="bfloat16") == "bfloat16"


def test_bfloat16_draws_too(models: dict[str, Path]) -> None:
    renderer = started(models["sdxl"], dtype="bfloat16")
    assert painter(renderer)._noise.pipeline.unet.dtype == torch.bfloat16
    flat, strong = renderer.render([ask(renderer, "a red fox"), ask(renderer, "a ((red fox:1.5))")])
    assert apart(flat, strong) > 0
