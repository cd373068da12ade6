"""Writes pictures so that a file under its final name is always whole."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from synth.files import whole_file

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

FOLDER = "images"
PER_FOLDER = 1000
#: the end-of-image marker, with which every JPEG file that Pillow writes ends
_END = b"\xff\xd9"
_SOFTWARE, _COPYRIGHT, _DESCRIPTION = 0x0131, 0x8298, 0x010E


def picture_path(ability: str, index: int, id_: str, number: int = 0) -> str:
    """The path of a candidate's picture, relative to the run folder; at most 1000 per folder."""
    suffix = f"-{number}" if number else ""
    return f"{FOLDER}/{ability}/{index // PER_FOLDER:04d}/{id_}{suffix}.jpg"


def write_picture(folder: Path, path: str, image: PILImage, quality: int, description: str, attribution: str) -> None:
    """Encode as JPEG and write as a whole: a row that names the picture is committed after it.

    Raises:
        BackendError: the disk is full or the folder cannot be written.
    """
    from PIL.Image import Exif

    exif = Exif()
    exif[_SOFTWARE] = "synth-vlit"
    exif[_DESCRIPTION] = _ascii(description)
    if attribution:
        exif[_COPYRIGHT] = _ascii(attribution)
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality, exif=exif)
    with whole_file(folder / path, new_folders=True) as file:
        file.write(buffer.getbuffer())


def is_there(folder: Path, path: str | None) -> bool:
    """Whether a picture has its file, as a whole."""
    return path is not None and is_whole(folder / path)


def is_whole(picture: Path) -> bool:
    """Whether a JPEG file that we wrote goes on to its end; a broken disk or a failed copy leaves a shorter one."""
    try:
        with open(picture, "rb") as file:
            file.seek(-len(_END), os.SEEK_END)
            return file.read() == _END
    except OSError:  # not there, or too short to seek
        return False


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def all_pictures(folder: Path) -> Iterator[Path]:
    """Every file below `images/`, temporary ones included."""
    for directory, _, names in os.walk(folder / FOLDER):
        for name in names:
            yield Path(directory) / name
