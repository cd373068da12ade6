"""What the tests of the diffusers renderer share: where it is not installed, importing this skips them.

The pipelines have random weights, lie in a temporary folder and are loaded by the code that loads real ones; all of
it runs on the CPU. On another device the same seed gives the same noise, and the pixels agree within `TOLERANCE`.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra [gpu] (pip install 'synth-vlit[gpu]'; a CPU will do)")
pytest.importorskip("diffusers", reason="needs the extra [gpu] (pip install 'synth-vlit[gpu]'; a CPU will do)")
pytest.importorskip("transformers", reason="needs the extra [gpu] (pip install 'synth-vlit[gpu]'; a CPU will do)")
pytest.importorskip("accelerate", reason="needs the extra [gpu] (pip install 'synth-vlit[gpu]'; a CPU will do)")

import numpy as np
import torch

from synth.backends.render.base import Rendered, RenderRequest, RenderSettings
from synth.backends.render.diffusers import Diffusers
from synth.backends.render.diffusers.painter import Painter
from synth.errors import SynthError

#: for `pytestmark`
MARKS = [pytest.mark.diffusers, pytest.mark.usefixtures("one_thread", "own_cache")]
#: largest difference of a pixel (0 to 255) between batches of different sizes and fillings
TOLERANCE = 2
LONG = ", ".join(f"red fox in snow of glass {number}" for number in range(20))


def made(folder: Path, **settings: Any) -> Diffusers:
    sizes = {"width": 64, "height": 64} if folder.name == "flux" else {}  # its configuration names no size
    return Diffusers.create(str(folder), RenderSettings(**{"steps": 2, "batch_size": 4, **sizes, **settings}))


def started(folder: Path, **settings: Any) -> Diffusers:
    renderer = made(folder, **settings)
    renderer.start()
    return renderer


def painter(renderer: Diffusers) -> Painter:
    (one,) = renderer._painters
    assert isinstance(one, Painter)
    return one


def ask(
    renderer: Diffusers, prompt: str = "a ((red fox)), snow", seed: int = 1, negative: str = "blurry", **more: Any
) -> RenderRequest:
    return RenderRequest(prompt, ("a red fox", "snow"), negative, seed, *renderer.size, **more)


def pixels(rendered: Rendered) -> Any:
    return np.asarray(rendered.image).astype(int)


def apart(one: Rendered, other: Rendered) -> int:
    return int(np.abs(pixels(one) - pixels(other)).max())


def embedded(renderer: Diffusers, prompt: str, negative: str = "") -> Any:
    with torch.inference_mode():
        return painter(renderer)._prompts.arguments([ask(renderer, prompt, negative=negative)])


def break_pipeline(
    renderer: Diffusers, monkeypatch: pytest.MonkeyPatch, change: Any, pipeline: Any = None
) -> list[int]:
    """Let `change` spoil the pipeline's output (it gets the seeds, too) or raise. Returns the sizes of the calls."""
    pipeline = pipeline or painter(renderer)._noise.pipeline
    original, sizes = type(pipeline).__call__, []

    def call(self: Any, **arguments: Any) -> Any:
        seeds = [generator.initial_seed() for generator in arguments["generator"]]
        sizes.append(len(seeds))
        if isinstance(broken := change(seeds, None), Exception):
            raise broken
        return change(seeds, original(self, **arguments))

    call.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    monkeypatch.setattr(type(pipeline), "__call__", call)
    return sizes


def refused(argument: str | Path, **settings: Any) -> SynthError:
    with pytest.raises(SynthError) as error:
        Diffusers.create(str(argument), RenderSettings(**settings)).start()
    return error.value
