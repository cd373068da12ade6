"""Where a model comes from: a folder, or the Hugging Face hub. Checked before gigabytes are loaded.

Only `model_index.json` and the small configurations are read here; they say whether the model makes
pictures from text, at which size, and (by the hub's commit or the files' hashes) which one exactly it is.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.backends import hub
from synth.backends.fingerprint import folder_fingerprint
from synth.backends.render.diffusers.presets import Preset
from synth.errors import SynthError

_INDEX = "model_index.json"
#: what decides the pixels in a model's folder
_DECIDING = {".json", ".txt", ".model", ".safetensors", ".bin", ".pt"}


@dataclass(frozen=True, slots=True)
class Source:
    """`place` is what diffusers loads from, `name` what rows call it; `commit` is the hub's, `version` that
    or a hash of the folder."""

    place: str
    name: str
    version: str
    commit: str | None
    index: dict[str, Any]

    @property
    def folder(self) -> Path | None:
        return Path(self.place) if self.commit is None else None

    def config(self, component: str) -> dict[str, Any]:
        """The configuration of a component; empty where it has none."""
        if not self.index.get(component) or self.index[component][0] is None:
            return {}
        name = f"{component}/config.json"
        try:
            file = Path(self.place) / name if self.commit is None else _from_hub(self.place, name, self.commit)
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, SynthError):
            return {}
        return found if isinstance(found, dict) else {}


def find(preset: Preset) -> Source:
    """The model of a preset; nothing large is fetched.

    Raises:
        SynthError: there is no such folder or model, it needs a token, or it makes no pictures from text.
    """
    folder = Path(preset.model).expanduser()
    if folder.exists() or preset.model.startswith((".", "/", "~")):
        source = _local(folder)
        if preset.revision is not None:
            raise SynthError(
                f"render_settings.revision: {folder} is a folder, which has no revisions.",
                "Leave it out; the files of a folder say by themselves which version they are.",
            )
    else:
        file = _from_hub(preset.model, _INDEX, preset.revision)
        commit = file.parent.name
        source = Source(preset.model, preset.model, commit, commit, _read_index(file, preset.model))
    _require_text_to_image(source)
    return source


def native_size(source: Source) -> tuple[int, int]:
    """The picture size a model was trained for, from its configuration."""
    core = source.config("unet") or source.config("transformer")
    sample = core.get("sample_size")
    if isinstance(sample, list) and len(sample) == 2:
        height, width = sample
    elif isinstance(sample, int):
        height = width = sample
    else:
        return (512, 512) if source.config("unet") else (1024, 1024)
    scale = pixels_per_latent(source)
    return int(width) * scale, int(height) * scale


def pixels_per_latent(source: Source) -> int:
    vae = source.config("vae") or source.config("vqvae")
    blocks = vae.get("block_out_channels") or vae.get("encoder_block_out_channels") or [0] * 4
    return int(2 ** (len(blocks) - 1))


def _local(folder: Path) -> Source:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise SynthError(
            f"--renderer diffusers:{folder}: this folder {what}.",
            "Give the folder of a model in diffusers' format (it holds model_index.json). Single files are "
            "converted with diffusers: StableDiffusionXLPipeline.from_single_file(FILE).save_pretrained(FOLDER).",
        )
    index = folder / _INDEX
    if not index.is_file():
        raise SynthError(
            f"--renderer diffusers:{folder}: there is no {_INDEX} in this folder.",
            "Give the folder of a whole pipeline in diffusers' format, not of a component, a LoRA or a checkpoint.",
        )
    return Source(
        str(folder.resolve()),
        folder.resolve().name,
        folder_fingerprint(folder, _DECIDING),
        None,
        _read_index(index, str(folder)),
    )


def _read_index(file: Path, where: str) -> dict[str, Any]:
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SynthError(f"{where}: {_INDEX} cannot be read: {error}.", "Fetch the model again.") from error
    if not isinstance(index, dict) or "_class_name" not in index:
        raise SynthError(f"{where}: {_INDEX} names no pipeline.", "Fetch the model again.")
    return index


def call_parameters(source: Source) -> dict[str, Any]:
    """The arguments that the pipeline's call takes, with their defaults."""
    return _parameters(_pipeline_class(str(source.index["_class_name"])))


def image_to_image_parameters(source: Source) -> dict[str, Any]:
    """The same of the pipeline that makes a picture from a picture; empty where diffusers has none for this model."""
    from diffusers.pipelines.auto_pipeline import AUTO_IMAGE2IMAGE_PIPELINES_MAPPING, _get_task_class

    text_to_image = _pipeline_class(str(source.index["_class_name"]))
    try:
        return _parameters(_get_task_class(AUTO_IMAGE2IMAGE_PIPELINES_MAPPING, text_to_image.__name__))
    except ValueError:
        return {}


def _parameters(pipeline: Any) -> dict[str, Any]:
    known = inspect.signature(pipeline.__call__).parameters
    return {name: one.default for name, one in known.items() if name != "self"}


def _pipeline_class(name: str) -> Any:
    """Raises `ValueError` where diffusers makes no pictures from text with it."""
    from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING, _get_task_class

    return _get_task_class(AUTO_TEXT2IMAGE_PIPELINES_MAPPING, name)


def _require_text_to_image(source: Source) -> None:
    name = str(source.index["_class_name"])
    try:
        _pipeline_class(name)
        problem = ""
    except ValueError:
        problem = f"its pipeline is a {name}"
    if source.index.get("requires_aesthetics_score"):
        problem = "it refines the pictures of another model"
    if "Control" in name:  # diffusers counts them as text-to-image, but they want a picture to follow
        problem = f"its pipeline is a {name}, which draws after another picture"
    channels = source.config("unet").get("in_channels")
    latent = source.config("vae").get("latent_channels")
    if not problem and isinstance(channels, int) and isinstance(latent, int) and channels > latent:
        problem = f"its UNet takes {channels} channels instead of {latent}, as for inpainting or editing"
    if problem:
        raise SynthError(
            f"{source.name} makes no pictures from text: {problem}.",
            "Name a text-to-image model, for example --renderer diffusers:sdxl.",
        )


def _from_hub(model: str, name: str, revision: str | None) -> Path:
    return hub.small_file(model, name, revision, "--renderer diffusers", "diffusers' format")
