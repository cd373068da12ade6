"""How pictures are made: the preset with the user's settings over it, all resolved, before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

from synth.backends.device import Device
from synth.backends.render.base import RenderSettings
from synth.backends.render.diffusers.presets import Preset
from synth.backends.render.diffusers.source import (
    Source,
    call_parameters,
    image_to_image_parameters,
    native_size,
    pixels_per_latent,
)
from synth.errors import SynthError

_RETRIES = 2
#: goes up whenever the same recipe would give other pixels
REVISION = 1
#: arguments of a pipeline's call that are no options, like all that speak of prompts
_OURS = {
    "attention_mask", "callback", "callback_on_step_end", "callback_on_step_end_tensor_inputs", "callback_steps",
    "clip_skip", "generator", "height", "latents", "num_inference_steps", "output_type", "return_dict", "width",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the pixels. None for steps or guidance is the pipeline's own default."""

    preset: str
    width: int
    height: int
    steps: int | None
    guidance: float | None
    scheduler: str | None
    scheduler_options: dict[str, Any]
    dtype: str
    variant: str | None
    batch_size: int
    options: dict[str, Any]
    retries: int
    compile: bool
    image_to_image: float | None = None

    def identity(self, source: Source) -> dict[str, Any]:
        follows = {} if self.image_to_image is None else {"image_to_image": self.image_to_image}
        return {
            "name": "diffusers",
            "version": REVISION,
            "preset": self.preset or None,
            "model": source.name,
            "revision": source.version,
            "pipeline": source.index["_class_name"],
            "width": self.width,
            "height": self.height,
            "steps": self.steps,
            "guidance": self.guidance,
            "scheduler": self.scheduler,
            "scheduler_options": self.scheduler_options,
            "dtype": self.dtype,
            "variant": self.variant,
            "batch_size": self.batch_size,
            "options": self.options,
            "retries": self.retries,
            "compile": self.compile,
            **follows,  # runs that were made before there was this setting go on
        }


def resolve(name: str, preset: Preset, settings: RenderSettings, source: Source, device: Device) -> Recipe:
    """Settings over preset over what the model's configuration says.

    Raises:
        SynthError: a picture size that the model cannot make, options that its pipeline does not take, or pictures
            that shall begin from others where the model cannot do it.
    """
    options = {**preset.options, **settings.options}
    _check_options(options, source)
    native = native_size(source) if None in (preset.width, preset.height) else (0, 0)
    width = settings.width or preset.width or native[0]
    height = settings.height or preset.height or native[1]
    unit = pixels_per_latent(source) * int(source.config("transformer").get("patch_size") or 1)
    if width % unit or height % unit:
        raise SynthError(
            f"render_settings: pictures of {source.name} have sides that are multiples of {unit}, "
            f"not {width} x {height}.",
            f"Use {max(unit, width // unit * unit)} x {max(unit, height // unit * unit)}.",
        )
    steps = _or(settings.steps, preset.steps)
    if settings.image_to_image is not None:
        _check_image_to_image(settings.image_to_image, steps, options, source)
    return Recipe(
        preset=name,
        width=width,
        height=height,
        steps=steps,
        guidance=_or(settings.guidance, preset.guidance),
        scheduler=settings.scheduler or preset.scheduler,
        scheduler_options=preset.scheduler_options if settings.scheduler in (None, preset.scheduler) else {},
        dtype=settings.dtype or _dtype(preset, device),
        variant=preset.variant,
        batch_size=settings.batch_size or preset.batch_size,
        options=options,
        retries=_or(settings.retries, _RETRIES),
        compile=settings.compile,
        image_to_image=settings.image_to_image,
    )


def _check_options(options: dict[str, Any], source: Source) -> None:
    """A wrong option would fail every picture; one of ours would give pictures to the wrong prompts, or do nothing."""
    for name in options:
        if name in _OURS or "prompt" in name:
            raise SynthError(
                f"render_settings.options: {name} is decided by synth.",
                "Leave it out. Size, steps and guidance have settings of their own.",
            )
        if name not in call_parameters(source):
            known = sorted(one for one in call_parameters(source) if one not in _OURS and "prompt" not in one)
            raise SynthError(
                f"render_settings.options: the pipeline of {source.name} has no option '{name}'.",
                f"It has {', '.join(known)}.",
            )


def _check_image_to_image(strength: float, steps: int | None, options: dict[str, Any], source: Source) -> None:
    """Only `strength * steps` of the steps are made, rounded down, and none at all would fail every picture."""
    known = image_to_image_parameters(source)
    if "strength" not in known:
        raise SynthError(
            f"render_settings.image_to_image: {source.name} cannot draw from another picture: diffusers has no "
            f"pipeline with a strength for a {source.index['_class_name']}.",
            "Leave it out, or use another model, for example --renderer diffusers:sdxl.",
        )
    for name in options:
        if name not in known:
            raise SynthError(
                f"render_settings.options: with image_to_image the pipeline of {source.name} has no option '{name}'.",
                "Leave out one of the two.",
            )
    steps = steps or call_parameters(source).get("num_inference_steps")
    if isinstance(steps, int) and int(steps * strength) < 1:
        enough = next(more for more in count(steps) if int(more * strength) >= 1)
        raise SynthError(
            f"render_settings.image_to_image: {strength:g} of {steps} step{'s' if steps > 1 else ''} is less than one "
            "step, so nothing would be drawn.",
            f"Use at least {enough} steps (--set render_settings.steps={enough}), or a larger image_to_image.",
        )


def _dtype(preset: Preset, device: Device) -> str:
    """Half precision is for GPUs: on a CPU it is slower, and most kernels are missing."""
    if device.kind == "cpu":
        return "float32"
    return preset.dtype or ("bfloat16" if device.bfloat16 else "float16")


def _or(first: Any, second: Any) -> Any:
    return second if first is None else first
