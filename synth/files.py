"""Files that are the old one or the new one, never a part of one, whenever the process ends."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from synth.errors import BackendError, SynthError


@contextmanager
def whole_file(path: Path, new_folders: bool = False) -> Iterator[BinaryIO]:
    """A file to write to that takes the name `path`, on disk, when the block ends without an error.

    With `new_folders` the folders it lies in are made where they are missing.

    Raises:
        SynthError: a name that cannot be; a `BackendError` where the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f"{path.name}.part")
    try:
        if new_folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise not_written(path, error) from error


def not_written(path: Path, error: OSError) -> SynthError:
    """Why a file cannot be written, and what to do: about the disk, or about the name that was given."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        file = next((folder for folder in path.parents if folder.is_file()), path.parent)
        return SynthError(f"{path} cannot be written: {file} is a file, not a folder.", "Choose another name.")
    if error.errno == errno.ENAMETOOLONG:
        return SynthError(f"{path} cannot be written: the name is too long.", "Choose a shorter one.")
    return BackendError(
        f"{path} cannot be written: {error.strerror or error}.",
        "Free some disk space or choose another name, then run the same command again: nothing is lost.",
    )


def _sync_folder(folder: Path) -> None:
    """Make the rename survive a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
