"""The SHA-256 of a model file, remembered: hashing gigabytes costs more than loading them."""

from __future__ import annotations

import json
from pathlib import Path

from synth.backends import models


def fingerprint(file: Path) -> str:
    """The file's SHA-256, computed once per (path, size, time of change)."""
    stat = file.stat()
    key = f"{file.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
    memory = models.cache_folder() / "fingerprints.json"
    known = _read(memory)
    if key not in known:
        known[key] = models.sha256_of(file)
        _write(memory, known)
    return known[key]


def _read(memory: Path) -> dict[str, str]:
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(memory: Path, known: dict[str, str]) -> None:
    """A cache that cannot be written costs time, not the run."""
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary = memory.with_name(memory.name + ".tmp")
        temporary.write_text(json.dumps(known), encoding="utf-8")
        temporary.replace(memory)
    except OSError:
        return
