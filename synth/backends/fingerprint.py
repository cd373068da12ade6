"""The SHA-256 of a model file, remembered: hashing gigabytes costs more than loading them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
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


def folder_fingerprint(folder: Path, suffixes: Collection[str]) -> str:
    """A hash of the files with these suffixes in a model's folder, hidden ones left out; 16 hexadecimal digits."""
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.is_file()
        and file.suffix in suffixes
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    whole = hashlib.blake2b(digest_size=8)
    for file in files:
        whole.update(f"{file.relative_to(folder).as_posix()}\0{fingerprint(file)}\0".encode())
    return whole.hexdigest()


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
