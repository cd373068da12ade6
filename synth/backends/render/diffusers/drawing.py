"""How a loaded pipeline is called, apart from prompts and noise: for a picture that begins from noise alone, and for
one that begins from the picture before it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synth.backends.render.base import RenderRequest
from synth.backends.render.diffusers.recipe import Recipe

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_GUIDANCE = ("guidance_scale", "true_cfg_scale")


class FromNoise:
    """Draws with the text-to-image pipeline itself."""

    def __init__(self, pipeline: Any, recipe: Recipe) -> None:
        self.pipeline = pipeline
        self.fixed = _fixed_arguments(pipeline, recipe)
        #: whether a negative prompt is looked at; without guidance it would be computed for nothing
        self.guided = _is_guided(pipeline, self.fixed)

    def draw(self, requests: Sequence[RenderRequest], **arguments: Any) -> Any:
        """What the pipeline gives for requests of one size."""
        one = requests[0]
        return self.pipeline(**self.fixed, **arguments, width=one.width, height=one.height)


class FromPicture:
    """Draws with the image-to-image pipeline that belongs to a text-to-image one. It has the same parts, so that
    nothing is loaded again, and is called with the same numbers: its own defaults may differ."""

    def __init__(self, noise: FromNoise) -> None:
        from diffusers import AutoPipelineForImage2Image

        self._whole = noise.pipeline
        self.pipeline = AutoPipelineForImage2Image.from_pipe(noise.pipeline)
        self.pipeline.set_progress_bar_config(disable=True)
        known = _parameters(self.pipeline)
        theirs = {name: one.default for name, one in _parameters(noise.pipeline).items() if name in known}
        shared = {name: theirs[name] for name in ("num_inference_steps", *_GUIDANCE) if name in theirs}
        self._fixed = {**shared, **noise.fixed}
        self._sized = "width" in known and "height" in known

    def draw(self, requests: Sequence[RenderRequest], **arguments: Any) -> Any:
        """What the pipeline gives for requests of one size and strength that all have a picture before them."""
        one = requests[0]
        if self._sized:  # others take the size of the picture that they are given
            arguments.update(width=one.width, height=one.height)
        images = [_fitted(request) for request in requests]
        out = self.pipeline(**self._fixed, **arguments, image=images, strength=one.strength)
        # parts that were called into the GPU go back to main memory; only the pipeline that moves them knows how
        self._whole.maybe_free_model_hooks()
        return out


def _fitted(request: RenderRequest) -> PILImage:
    """The picture before, in the size and colors of the one that is asked for."""
    from PIL.Image import Resampling

    assert request.previous is not None
    picture, size = request.previous.convert("RGB"), (request.width, request.height)
    return picture if picture.size == size else picture.resize(size, Resampling.LANCZOS)


def _fixed_arguments(pipeline: Any, recipe: Recipe) -> dict[str, Any]:
    """What is the same in every call. Guidance has two names: models that were trained to need no second
    pass take it as a number (`guidance_scale`), their undistilled kin as `true_cfg_scale`."""
    found: dict[str, Any] = {"output_type": "pt"}
    if recipe.steps is not None:
        found["num_inference_steps"] = recipe.steps
    if recipe.guidance is not None:
        found["true_cfg_scale" if _takes_true_cfg(pipeline) else "guidance_scale"] = recipe.guidance
    if "use_resolution_binning" in _parameters(pipeline):
        # PixArt and SANA know which sizes to draw at, but for their published sizes only
        sample = getattr(getattr(pipeline, "transformer", None), "config", {}).get("sample_size")
        found["use_resolution_binning"] = sample in (32, 64, 128)
    found.update(recipe.options)
    return found


def _takes_true_cfg(pipeline: Any) -> bool:
    core = getattr(pipeline, "transformer", None)
    distilled = getattr(getattr(core, "config", None), "guidance_embeds", False)
    return "true_cfg_scale" in _parameters(pipeline) and not distilled


def _is_guided(pipeline: Any, call: dict[str, Any]) -> bool:
    known = _parameters(pipeline)
    name = "true_cfg_scale" if "true_cfg_scale" in known else "guidance_scale"
    parameter = known.get(name)
    value = call.get(name, parameter.default if parameter is not None else 0)
    return isinstance(value, int | float) and value > 1


def _parameters(pipeline: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(type(pipeline).__call__).parameters)
