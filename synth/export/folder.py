"""An export folder that is there in full or not at all, and never replaces what is not ours.

The export grows in a hidden folder beside OUT and takes OUT's name when it is complete. An earlier
export is replaced, so that pictures of samples that are gone do not linger; anything else in OUT
is somebody's work and makes the export refuse.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synth.errors import RunRefused
from synth.export.base import cannot_write
from synth.export.collage import COLLAGES
from synth.flow.pictures import FOLDER, all_pictures

MARK_FILE = "export.json"
MADE_BY = "synth export"


@contextmanager
def whole_folder(out: Path, run: Path) -> Iterator[Path]:
    """A folder to write to, that becomes `out` when the block ends without an error."""
    out = out.resolve()
    check_target(out, run)
    staging, old = (out.with_name(f".{out.name}.{suffix}") for suffix in ("part", "old"))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _held(staging, out):
            try:
                yield staging
                _swap(staging, out, old)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise cannot_write(out, error) from error


def check_target(out: Path, run: Path) -> None:
    """Raise `RunRefused` unless `out` is new, empty, or an earlier export with nothing else in it."""
    if out.is_relative_to(run.resolve() / FOLDER):
        raise RunRefused(f"{out} is inside the pictures of the run.", "Choose another --out.")
    if out.is_file():
        raise RunRefused(f"{out} is a file.", "Give a folder with --out.")
    if not out.exists() or not any(out.iterdir()):
        return
    try:
        mark = json.loads((out / MARK_FILE).read_bytes())
        ours = mark["made_by"] == MADE_BY
        known, pictures = set(mark["files"]) | {FOLDER}, int(mark["pictures"])
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise RunRefused(
            f"{out} is not empty and not an earlier export, so nothing is written there.",
            "Choose another --out.",
        )
    foreign = sorted(path.name for path in out.iterdir() if path.name not in known)
    if not foreign and sum(1 for below in (FOLDER, COLLAGES) for _ in all_pictures(out, below)) > pictures:
        foreign = [f"{name}/" for name in (FOLDER, COLLAGES) if (out / name).is_dir()]
    if foreign:
        raise RunRefused(
            f"{out} is an earlier export, but something was added to it: {', '.join(foreign[:5])}.",
            "Move that away, or choose another --out: exporting again replaces the whole folder.",
        )


@contextmanager
def _held(staging: Path, out: Path) -> Iterator[None]:
    """Make the staging folder anew and lock it: what a killed export left is removed, what
    another process is working on is not."""
    for _ in range(2):
        try:
            staging.mkdir()
            break
        except FileExistsError:
            with _lock(staging, out):
                shutil.rmtree(staging)
    with _lock(staging, out):
        yield


@contextmanager
def _lock(folder: Path, out: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunRefused(
                f"Another process is exporting to {out}.", "Wait for it, or choose another --out."
            ) from error
        yield
    finally:
        os.close(handle)


def _swap(staging: Path, out: Path, old: Path) -> None:
    if out.exists() and any(out.iterdir()):
        shutil.rmtree(old, ignore_errors=True)
        out.rename(old)
        try:
            staging.rename(out)
        except OSError:
            old.rename(out)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(out)
