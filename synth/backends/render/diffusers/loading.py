"""Loads a pipeline and makes it fast: dtype, device, memory layout, attention, compilation."""

from __future__ import annotations

import gc
import logging
from pathlib import Path
from typing import Any

from synth.backends.device import Device
from synth.backends.models import offline
from synth.backends.render.diffusers import device as own
from synth.backends.render.diffusers.recipe import Recipe
from synth.backends.render.diffusers.source import Source
from synth.backends.render.diffusers.trouble import is_out_of_memory, loading_failed, no_room
from synth.errors import SynthError

_NETWORKS = ("unet", "transformer", "transformer_2", "prior", "decoder")
_AUTOENCODERS = ("vae", "vqvae", "movq")


def load(source: Source, recipe: Recipe, device: Device, attention: str | None, offload: bool) -> Any:
    """The pipeline, ready to draw.

    Raises:
        SynthError: with cause and fix: damaged or missing files, no room on the GPU, an unknown scheduler.
    """
    problem: BaseException
    try:
        pipeline = _read(source, recipe)
        pipeline.set_progress_bar_config(disable=True)
        _set_scheduler(pipeline, recipe)
        return _place(pipeline, recipe, device, attention, offload)
    except SynthError:
        raise
    except Exception as error:  # the loaders of a dozen libraries
        problem = error
        full = is_out_of_memory(error)
    gc.collect()
    if full:
        raise no_room(source, device, offload, problem) from problem
    raise loading_failed(source, recipe, problem) from problem


def _read(source: Source, recipe: Recipe) -> Any:
    import torch
    from diffusers import AutoPipelineForText2Image
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()  # those of downloads stay
    transformers_logging.disable_progress_bar()
    logging.getLogger("diffusers.models.modeling_utils").addFilter(_says_something)
    options: dict[str, Any] = {"torch_dtype": getattr(torch, recipe.dtype)}
    if source.commit is not None:
        options["revision"] = source.commit
        options["variant"] = recipe.variant
        options["local_files_only"] = offline()
    elif recipe.variant and any(Path(source.place).rglob(f"*.{recipe.variant}.*")):
        options["variant"] = recipe.variant
    return AutoPipelineForText2Image.from_pretrained(source.place, **options)


def _says_something(record: logging.LogRecord) -> bool:
    """Not so a warning of diffusers that names no parts. It comes with each batch that SDXL draws from pictures,
    because the autoencoder is taken to float32 and back for it."""
    return "should be kept in float32: []" not in record.getMessage()


def _set_scheduler(pipeline: Any, recipe: Recipe) -> None:
    if recipe.scheduler is None:
        return
    import diffusers

    cls = getattr(diffusers, recipe.scheduler, None)
    if cls is None or not hasattr(cls, "from_config") or not hasattr(cls, "set_timesteps"):
        fitting = sorted({one.__name__ for one in pipeline.scheduler.compatibles})
        raise SynthError(
            f"render_settings.scheduler: diffusers has no scheduler '{recipe.scheduler}'.",
            f"This model may use {', '.join(fitting) or type(pipeline.scheduler).__name__}.",
        )
    flows, can = hasattr(pipeline.scheduler, "scale_noise"), hasattr(cls, "scale_noise")
    if recipe.image_to_image is not None and flows and not can:
        raise SynthError(
            f"render_settings.image_to_image: the scheduler {recipe.scheduler} cannot begin from a picture with this "
            "model, because it cannot add the noise of a flow to it.",
            f"Leave render_settings.scheduler out: the model's own {type(pipeline.scheduler).__name__} can.",
        )
    pipeline.scheduler = cls.from_config(pipeline.scheduler.config, **recipe.scheduler_options)


def _place(pipeline: Any, recipe: Recipe, device: Device, attention: str | None, offload: bool) -> Any:
    import torch

    if device.kind == "cuda":
        if offload:
            pipeline.enable_model_cpu_offload()
        else:
            pipeline.to("cuda")
        for name in ("unet", *_AUTOENCODERS):  # convolutions; layers of a transformer have no channels to move
            part = getattr(pipeline, name, None)
            if part is not None:
                part.to(memory_format=torch.channels_last)
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    _set_attention(pipeline, device, attention)
    if recipe.compile:
        for name in _NETWORKS:
            part = getattr(pipeline, name, None)
            if part is not None and getattr(part, "_repeated_blocks", None):
                part.compile_repeated_blocks(fullgraph=False, dynamic=False)  # batches have one shape
    return pipeline


def _set_attention(pipeline: Any, device: Device, wanted: str | None) -> None:
    """`wanted` by name; else xformers where it loads, for the UNets it was written for; else torch's own
    attention, which picks its best kernel."""
    if wanted in (None, "auto"):
        if device.kind == "cuda" and getattr(pipeline, "unet", None) is not None and own.xformers()[0]:
            try:
                pipeline.enable_xformers_memory_efficient_attention()
            except Exception:  # models differ in what they let replace; torch's own attention is as right
                pipeline.disable_xformers_memory_efficient_attention()
        return
    if wanted == "sdpa":
        return
    try:
        if wanted == "xformers":
            there, why = own.xformers()
            if not there:
                raise ValueError(why)
            pipeline.enable_xformers_memory_efficient_attention()
            return
        for name in _NETWORKS:
            part = getattr(pipeline, name, None)
            if part is not None:
                part.set_attention_backend(wanted)
    except Exception as error:
        raise SynthError(
            f"render_settings.attention: '{wanted}' cannot be used: {error}",
            "Leave it out, or use sdpa, xformers, or a backend that diffusers lists under 'Attention backends'.",
        ) from error
