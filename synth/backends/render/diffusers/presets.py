"""Which models have a name, and how they are run where the settings say nothing.

A preset is data: the built-in ones lie in presets.yaml, a user's own in the file of
`render_settings.presets`, which may also replace a built-in one.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from synth import plugins, strict_yaml
from synth.errors import SynthError, dotted
from synth.records import Record

_HELP = "docs/renderers.md shows how a preset is written."


class Preset(Record):
    """A model and how to run it; None leaves it to the pipeline."""

    model: str = Field(min_length=1)
    title: str = ""
    revision: str | None = None
    variant: str | None = None
    width: int | None = Field(None, ge=8, le=4096)
    height: int | None = Field(None, ge=8, le=4096)
    steps: int | None = Field(None, ge=1, le=1000)
    guidance: float | None = Field(None, ge=0, le=100)
    scheduler: str | None = None
    scheduler_options: dict[str, Any] = Field(default_factory=dict)
    dtype: Literal["bfloat16", "float16", "float32"] | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    batch_size: int = Field(4, ge=1, le=1024)
    memory: float = Field(0, ge=0)
    licence: str = ""
    auto: bool = False


@cache
def built_in() -> dict[str, Preset]:
    source = resources.files("synth.backends.render.diffusers").joinpath("presets.yaml")
    return _parse(source.read_text(encoding="utf-8"), "synth's presets.yaml")


def load(own: Path | None) -> dict[str, Preset]:
    """All presets by name; a user's own hide built-in ones.

    Raises:
        SynthError: naming file, preset and field of what is wrong.
    """
    if own is None:
        return built_in()
    try:
        text = own.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SynthError(f"render_settings.presets: {own} cannot be read: {error}.", _HELP) from error
    return {**built_in(), **_parse(text, str(own))}


def _parse(text: str, where: str) -> dict[str, Preset]:
    try:
        raw = strict_yaml.load(text)
    except yaml.YAMLError as error:
        raise SynthError(f"{where}: not valid YAML: {error}.", _HELP) from error
    if not isinstance(raw, dict) or not all(isinstance(fields, dict) for fields in raw.values()):
        raise SynthError(f"{where}: the file is not a mapping of names to presets.", _HELP)
    found = {}
    for name, fields in raw.items():
        try:
            found[str(name)] = Preset.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            field = dotted(first["loc"])
            message = "there is no such field" if first["type"] == "extra_forbidden" else first["msg"]
            raise SynthError(f"{where}: {name}: {field}: {message}.", _HELP) from error
    return found


def choose(argument: str, known: dict[str, Preset], memory: float) -> tuple[str, Preset]:
    """What `--renderer diffusers:ARGUMENT` means: a preset, a folder or a model of the hub.

    Without an argument the best preset whose need fits into `memory` (GB), else the smallest.

    Raises:
        SynthError: it is none of them; names the nearest preset.
    """
    if not argument:
        name = fitting(known, memory)
        return name, known[name]
    if argument in known:
        return argument, known[argument]
    folder = Path(argument).expanduser()
    if folder.exists() or argument.startswith((".", "/", "~")):
        return "", Preset(model=str(folder))
    for name, preset in known.items():
        if preset.model == argument:
            return name, preset
    if argument.count("/") == 1:
        return "", Preset(model=argument)
    error = plugins.unknown("preset", argument, known)
    raise SynthError(
        f"--renderer diffusers:{argument}: {error.message}",
        f"{error.fix} Or give the folder of a model, or its name on the hub (owner/model).",
    )


def fitting(known: dict[str, Preset], memory: float) -> str:
    """The first preset for `auto` that fits; the one that needs least where none does."""
    free = {name: preset for name, preset in known.items() if preset.auto} or known
    fits = [name for name, preset in free.items() if preset.memory <= memory]
    return fits[0] if fits else min(free, key=lambda name: free[name].memory)
