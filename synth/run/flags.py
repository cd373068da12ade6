"""From what the user typed after `synth generate` to a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from synth import strict_yaml
from synth.config import RunConfig, load_config, read_yaml
from synth.errors import SynthError

_PICTURES = "render_settings."


def config_from_flags(
    file: Path | None,
    abilities: Sequence[str],
    n: int | None,
    sets: Sequence[str],
    flags: Mapping[str, Any],
) -> RunConfig:
    """Merge the YAML file and flags; a flag that is None was not given and changes nothing.

    `abilities` are NAME or NAME=N and replace those of the file; `n` is for all that have no N.
    `sets` are KEY=VALUE with any dotted key; a named flag beats them.

    Raises:
        SynthError: an unknown key, a wrong value, something said twice, no ability, or no n.
    """
    in_file = read_yaml(file).get("abilities") if file else None
    wanted = _abilities(in_file, abilities, n)
    merged = {**settings_of(sets), **{k: v for k, v in flags.items() if v is not None}}
    return load_config(file, {**merged, "abilities": wanted})


def _abilities(in_file: Any, named: Sequence[str], n: int | None) -> Any:
    """What to make: the flags over the file."""
    known: dict[str, Any] = {}
    if isinstance(in_file, dict):
        known = in_file
    elif isinstance(in_file, list):  # names alone, with --n
        known = dict.fromkeys(map(str, in_file))
    elif in_file is not None:
        return in_file  # the check of the configuration names the key
    wanted: dict[str, Any] = {}
    for one in named:
        name, equals, count = one.partition("=")
        if name in wanted:
            raise SynthError(f"--ability {name} is there twice.", f"Say it once, e.g. --ability {name}=200.")
        if equals and not _is_number(count):
            raise SynthError(f"--ability {one}: '{count}' is not a number.", f"Write e.g. --ability {name}=200.")
        wanted[name] = int(count) if equals else (n if n is not None else known.get(name))
    if not named:
        wanted = {name: n if n is not None else count for name, count in known.items()}
    if not wanted:
        raise SynthError(
            "No ability was named.", "Name one, e.g. --ability abnormal --n 24; 'synth abilities' lists them."
        )
    for name, count in wanted.items():
        if count is None:
            raise SynthError(
                f"How many samples of '{name}'? Neither --n nor the config file says.",
                f"Add --n 24 for a first look, or --ability {name}=24.",
            )
    return wanted


def settings_of(sets: Sequence[str]) -> dict[str, Any]:
    """KEY=VALUE pairs, the values read as YAML.

    Raises:
        SynthError: not KEY=VALUE, not YAML, or a key twice.
    """
    found: dict[str, Any] = {}
    for key, value in map(_key_and_value, sets):
        if key in found:
            raise SynthError(f"--set {key} is there twice.", "Say it once.")
        found[key] = value
    return found


def render_settings_of(sets: Sequence[str]) -> dict[str, Any]:
    """What `--set` says of pictures, without the prefix; the texts of a run are made already.

    Raises:
        SynthError: as `settings_of`, or a key of something else.
    """
    found = settings_of(sets)
    other = next((key for key in found if not key.startswith(_PICTURES)), None)
    if other is not None:
        raise SynthError(f"--set {other}: synth render takes {_PICTURES}* only.", "Other settings are the run's own.")
    return {key.removeprefix(_PICTURES): value for key, value in found.items()}


def _key_and_value(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise SynthError(f"--set {text}: expected KEY=VALUE.", "For example: --set pool.size=8.")
    try:
        return key.strip(), strict_yaml.load(value)
    except yaml.YAMLError as error:
        what = getattr(error, "problem", None) or "not valid YAML"
        raise SynthError(f"--set {text}: the value: {what}.", "Quote it, or write it in a --config file.") from error


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def filter_options(sets: Sequence[str], flags: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """FILTER.OPTION=VALUE pairs as filter to option to value; a flag that is None was not given.

    Raises:
        SynthError: as `settings_of`, a key that is not FILTER.OPTION, or something said twice.
    """
    found: dict[str, dict[str, Any]] = {}
    given = {key: value for key, value in flags.items() if value is not None}
    for key, value in [*given.items(), *settings_of(sets).items()]:
        name, dot, option = key.partition(".")
        if not (name and dot and option):
            raise SynthError(
                f"--set {key}: expected FILTER.OPTION=VALUE.", "For example: --set picture.min_deviation=8."
            )
        if option in found.setdefault(name, {}):
            raise SynthError(f"{key} is there twice.", "Say it once.")
        found[name][option] = value
    return found
