"""The diffusers renderer: any text-to-image pipeline, from a folder or the Hugging Face hub.

source  what the model is            recipe   how it is run: settings over preset over configuration
loading the pipeline, made fast      prompts  what it is called with (emphasis: clip)
painter batches, seeds, memory       drawing  how it is called, from noise or from a picture
trouble errors with a cause and fix  placement  on which devices
worker  a painter in a process of its own, for each further GPU
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, ClassVar

from synth.backends import device as machine
from synth.backends.device import Device
from synth.backends.render.base import Rendered, Renderer, RenderRequest, RenderSettings
from synth.backends.render.diffusers import device as own
from synth.backends.render.diffusers import presets, recipe, source
from synth.backends.render.diffusers.painter import Painter
from synth.backends.render.diffusers.placement import place
from synth.backends.render.diffusers.worker import Job, Worker
from synth.errors import SynthError
from synth.machine import usable_cores


class Diffusers(Renderer):
    """Renders with a pipeline on each device: in this process where there is one, else in one process each. Which
    of them draws a picture is chance, and no part of what the picture is."""

    auto_rank: ClassVar[int] = 10
    uses = frozenset(
        (
            "batch_size", "steps", "guidance", "scheduler", "dtype", "revision", "options", "image_to_image",
            "retries", "compile", "attention", "offload", "device", "presets",
        )
    )  # fmt: skip

    def __init__(
        self,
        settings: RenderSettings,
        source: source.Source,
        recipe: recipe.Recipe,
        device: Device,
        places: Sequence[str],
        licence: str,
    ) -> None:
        self._settings = settings
        self._source = source
        self._recipe = recipe
        self._device = device
        self._places = places
        self._starting = threading.Lock()
        self._painters: list[Painter | Worker] = []
        self._idle: SimpleQueue[Painter | Worker] = SimpleQueue()
        self.batch_size = recipe.batch_size
        self.workers = len(places)
        self.size = (recipe.width, recipe.height)
        self.attribution = f"Image generated with {source.name}" + (f" ({licence})" if licence else "")

    @classmethod
    def available(cls) -> tuple[bool, str]:
        missing = own.missing_packages()
        if missing:
            return False, f"not installed: {', '.join(missing)} (pip install 'synth-vlit[render]')"
        try:
            found = machine.find()
        except SynthError as error:
            return False, error.message
        if found.kind == "cuda":
            found, places = place(None)
            preset = presets.fitting(presets.built_in(), found.memory)
            count = f"{len(places)} GPUs, the smallest with" if len(places) > 1 else f"{found.name},"
            return True, f"{count} {found.memory:.0f} GB: preset {preset} fits"
        if found.problem:
            return False, found.problem
        return True, "no GPU: on the CPU a picture takes minutes, so only when named"

    @classmethod
    def suits_auto(cls) -> bool:
        return not own.missing_packages() and machine.find().kind == "cuda"

    @classmethod
    def gpu_memory(cls) -> float:
        if own.missing_packages() or machine.find().kind == "cpu":
            return 0.0
        return presets.choose("", presets.built_in(), place(None)[0].memory)[1].memory

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
        device, places = place(settings.device)
        name, preset = presets.choose(argument, presets.load(settings.presets), device.memory)
        if settings.revision is not None:
            preset = preset.model_copy(update={"revision": settings.revision})
        found = source.find(preset)
        resolved = recipe.resolve(name, preset, settings, found, device)
        return cls(settings, found, resolved, device, places, preset.licence)

    def identity(self) -> dict[str, Any]:
        return self._recipe.identity(self._source)

    def start(self) -> None:
        with self._starting:
            if not self._painters:
                self._painters = self._started()
                for painter in self._painters:
                    self._idle.put(painter)

    def _started(self) -> list[Painter | Worker]:
        settings = self._settings
        if tuple(self._places) in (("cpu",), ("cuda:0",)):
            from synth.backends.render.diffusers.loading import load

            pipeline = load(self._source, self._recipe, self._device, settings.attention, settings.offload)
            return [Painter(pipeline, self._recipe, self._device)]
        threads = max(1, usable_cores() // self.workers) if self._device.kind == "cpu" else None
        job = Job(self._source, self._recipe, self._device, settings.attention, settings.offload, threads)
        workers = [Worker(place, job) for place in self._places]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.ready()
        except BaseException:
            for worker in workers:
                worker.close()
            raise
        return list(workers)

    def render(self, requests: Sequence[RenderRequest]) -> list[Rendered]:
        self.start()
        painter = self._idle.get()
        try:
            return painter.paint(requests)
        finally:
            self._idle.put(painter)

    def close(self) -> None:
        with self._starting:
            for _ in range(len(self._painters)):
                self._idle.get().close()  # when it has ended its work
            self._painters = []
