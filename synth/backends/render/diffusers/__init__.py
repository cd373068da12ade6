"""The diffusers renderer: any text-to-image pipeline, from a folder or the Hugging Face hub.

source  what the model is            recipe   how it is run: settings over preset over configuration
loading the pipeline, made fast      prompts  what it is called with (emphasis: clip, emphasis)
painter batches, seeds, memory       trouble  errors with a cause and a fix
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Sequence
from typing import Any, ClassVar

from synth.backends import device as machine
from synth.backends.device import Device
from synth.backends.render.base import Rendered, Renderer, RenderRequest, RenderSettings
from synth.backends.render.diffusers import device as own
from synth.backends.render.diffusers import presets, recipe, source
from synth.backends.render.diffusers.painter import Painter
from synth.errors import SynthError


class Diffusers(Renderer):
    """Renders with one pipeline on one device. Several GPUs would be several of these, one per process."""

    auto_rank: ClassVar[int] = 10

    def __init__(
        self, settings: RenderSettings, source: source.Source, recipe: recipe.Recipe, device: Device, licence: str
    ) -> None:
        self._settings = settings
        self._source = source
        self._recipe = recipe
        self._device = device
        self._painter: Painter | None = None
        self._one_at_a_time = threading.Lock()
        self.batch_size = recipe.batch_size
        self.size = (recipe.width, recipe.height)
        self.attribution = f"Image generated with {source.name}" + (f" ({licence})" if licence else "")

    @classmethod
    def available(cls) -> tuple[bool, str]:
        missing = own.missing_packages()
        if missing:
            return False, f"not installed: {', '.join(missing)} (pip install 'synth-vlit[gpu]')"
        try:
            found = machine.find()
        except SynthError as error:
            return False, error.message
        if found.kind == "cuda":
            preset = presets.fitting(presets.built_in(), found.memory)
            return True, f"{found.name}, {found.memory:.0f} GB: preset {preset} fits"
        if found.problem:
            return False, found.problem
        return True, "no GPU: on the CPU a picture takes minutes, so only when named"

    @classmethod
    def suits_auto(cls) -> bool:
        return not own.missing_packages() and machine.find().kind == "cuda"

    @classmethod
    def diagnosis(cls) -> list[str]:
        if own.missing_packages():
            return []
        found = machine.find()
        attention = "xformers" if found.kind == "cuda" and own.xformers()[0] else "torch's own"
        lines = [
            f"torch {found.torch}, pictures on {found.name}",
            f"attention: {attention} ({own.xformers()[1]})",
        ]
        if found.fix:
            lines.append(found.fix)
        known = presets.built_in()
        if found.kind == "cuda":
            fits = [f"{name} ({one.memory:.0f} GB)" for name, one in known.items() if one.memory <= found.memory]
            lines.append(f"presets that fit into {found.memory:.0f} GB: {', '.join(fits) or 'none'}")
        else:
            lines.append(f"presets: {', '.join(known)}")
        return lines

    @classmethod
    def create(cls, argument: str, settings: RenderSettings) -> Diffusers:
        own.require_packages()
        machine.import_torch()
        device = own.pick(settings.device)
        name, preset = presets.choose(argument, presets.load(settings.presets), device.memory)
        if settings.revision is not None:
            preset = preset.model_copy(update={"revision": settings.revision})
        found = source.find(preset)
        return cls(settings, found, recipe.resolve(name, preset, settings, found, device), device, preset.licence)

    def identity(self) -> dict[str, Any]:
        return self._recipe.identity(self._source)

    def start(self) -> None:
        from synth.backends.render.diffusers.loading import load

        with self._one_at_a_time:
            if self._painter is None:
                settings = self._settings
                pipeline = load(self._source, self._recipe, self._device, settings.attention, settings.offload)
                self._painter = Painter(pipeline, self._recipe, self._device)

    def render(self, requests: Sequence[RenderRequest]) -> list[Rendered]:
        self.start()
        with self._one_at_a_time:
            assert self._painter is not None
            return self._painter.paint(requests)

    def close(self) -> None:
        with self._one_at_a_time:
            if self._painter is None:
                return
            self._painter = None
            gc.collect()
            if self._device.kind == "cuda":
                machine.import_torch().cuda.empty_cache()
