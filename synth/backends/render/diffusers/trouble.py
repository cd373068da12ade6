"""From what torch, diffusers and their helpers raise to a cause and a fix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from synth.errors import BackendError, SynthError

if TYPE_CHECKING:
    from synth.backends.device import Device
    from synth.backends.render.diffusers.recipe import Recipe
    from synth.backends.render.diffusers.source import Source

_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """torch has a class for it; its allocator for the CPU and cuBLAS say it in words only. SANA's pipeline catches
    it while decoding, advises in a warning, and stumbles over the picture that it has not got."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, UnboundLocalError):
        return "'image'" in str(error)
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)


def is_broken_device(error: BaseException) -> bool:
    """Whether the GPU is lost to this process, so that no other picture can be made either."""
    return isinstance(error, RuntimeError) and ("CUDA error" in str(error) or "cuDNN error" in str(error))


def no_room(source: Source, device: Device, offload: bool, error: BaseException) -> BackendError:
    where = f"{device.name} with {device.memory:.0f} GB" if device.kind == "cuda" else "this machine"
    fix = "Stop other programs that use the memory, or use a smaller model (synth doctor says which presets fit)"
    if device.kind == "cuda" and not offload:
        fix += ", or keep its parts in main memory until each is needed: --set render_settings.offload=true"
    return BackendError(
        f"The model {source.name} does not fit into the memory of {where}: {_first_line(error)}",
        f"{fix}.",
    )


def no_room_for_one(device: Device, error: BaseException) -> BackendError:
    return BackendError(
        f"Not even a single picture fits into the memory of {device.name}: {_first_line(error)}",
        "Use a smaller size or model, stop other programs that use this GPU, or --set render_settings.offload=true. "
        "What was committed is kept.",
    )


def device_broke(error: BaseException) -> BackendError:
    return BackendError(
        f"The GPU failed: {_first_line(error)}",
        "Run the same command again: what was committed is kept. If it fails again, look at nvidia-smi and dmesg.",
    )


def loading_failed(source: Source, recipe: Recipe, error: BaseException) -> SynthError:
    """The file that is damaged, by name, or what the library said."""
    broken = _damaged(Path(source.place)) if source.folder is not None else _damaged_in_cache(source)
    if broken:
        return BackendError(
            f"The model {source.name} has a damaged weight file: {broken}.",
            "Delete that file and fetch the model again."
            if source.folder is None
            else "Copy or fetch that file again.",
        )
    text = f"{type(error).__name__}: {_first_line(error)}"
    if isinstance(error, ImportError):
        return SynthError(
            f"The model {source.name} needs a package that is missing: {_first_line(error)}",
            "Install what it names, or everything with: pip install 'synth-vlit[render]'",
        )
    if isinstance(error, OSError) and recipe.variant and recipe.variant in str(error):
        return SynthError(
            f"The model {source.name} has no files of the variant '{recipe.variant}'.",
            "Leave `variant` out of its preset.",
        )
    return BackendError(
        f"The model {source.name} cannot be loaded: {text}",
        "Check that all its files are there; fetch it again, or update with: pip install -U 'synth-vlit[render]'",
    )


def _damaged(folder: Path) -> str:
    """The first weight file that cannot be opened, with the reason; empty if all can."""
    from safetensors import safe_open

    for file in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(file, framework="pt"):
                pass
        except Exception as error:
            return f"{file} ({_first_line(error)})"
    return ""


def _damaged_in_cache(source: Source) -> str:
    from huggingface_hub import try_to_load_from_cache

    index = try_to_load_from_cache(source.place, "model_index.json", revision=source.commit)
    return _damaged(Path(index).parent) if isinstance(index, str) else ""


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:400]
