"""Writes pictures so that a file under its final name is always whole."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.backends.render.base import ImageFormat
from synth.files import whole_file
from synth.flow.marks import SOFTWARE, Synthetic

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage
    from PIL.PngImagePlugin import PngInfo

FOLDER = "images"
PER_FOLDER = 1000
_ENDINGS: dict[ImageFormat, str] = {"jpeg": ".jpg", "png": ".png", "webp": ".webp"}
#: with what a whole file of ours ends: the marker of JPEG, the last chunk of PNG. WebP says its length instead
_ENDS = {".jpg": b"\xff\xd9", ".png": b"\0\0\0\0IEND\xaeB`\x82"}
_SOFTWARE, _COPYRIGHT, _DESCRIPTION = 0x0131, 0x8298, 0x010E


def picture_path(ability: str, index: int, id_: str, number: int = 0, image_format: ImageFormat = "jpeg") -> str:
    """The path of a candidate's picture, relative to the run folder; at most 1000 per folder."""
    suffix = f"-{number}" if number else ""
    return f"{FOLDER}/{ability}/{index // PER_FOLDER:04d}/{id_}{suffix}{_ENDINGS[image_format]}"


@dataclass(frozen=True, slots=True)
class Marks:
    """What a picture says about itself: `description` and `attribution` for people; `origin` for machines,
    where a model made it."""

    description: str
    attribution: str = ""
    origin: Synthetic | None = None


def write_picture(
    folder: Path, path: str, image: PILImage, marks: Marks, quality: int, image_format: ImageFormat = "jpeg"
) -> None:
    """Encode and write as a whole: a row that names the picture is committed after it.

    Raises:
        BackendError: the disk is full or the folder cannot be written.
    """
    from PIL.Image import Exif

    exif = Exif()
    exif[_SOFTWARE] = SOFTWARE
    exif[_DESCRIPTION] = _ascii(marks.description)
    if marks.attribution:
        exif[_COPYRIGHT] = _ascii(marks.attribution)
    options: dict[str, Any] = {"exif": exif}
    packet = marks.origin.packet() if marks.origin is not None else b""
    if image_format == "png":
        options["pnginfo"] = _png_text(packet)
        options["compress_level"] = 1  # twice as fast as the default, a tenth larger
    else:
        options["quality"] = quality
        if packet:
            options["xmp"] = packet
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, image_format.upper(), **options)
    with whole_file(folder / path, new_folders=True) as file:
        file.write(buffer.getbuffer())


def as_stored(image: PILImage, quality: int, image_format: ImageFormat) -> PILImage:
    """The picture as its file has it. A picture that begins from it can then be made again from the file."""
    from PIL import Image as Pictures

    if image_format == "png":
        return image.convert("RGB")
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, image_format.upper(), quality=quality)
    with Pictures.open(buffer) as stored:
        return stored.convert("RGB")


def _png_text(packet: bytes) -> PngInfo:
    """XMP lies in a text chunk of this name (XMP specification, part 3, PNG)."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    if packet:
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
    return info


def is_there(folder: Path, path: str | None) -> bool:
    """Whether a picture has its file, as a whole."""
    return path is not None and is_whole(folder / path)


def is_whole(picture: Path) -> bool:
    """Whether a picture file that we wrote goes on to its end; a broken disk or a failed copy leaves a shorter one."""
    try:
        with open(picture, "rb") as file:
            end = _ENDS.get(picture.suffix)
            if end is None:
                head = file.read(8)
                length = 8 + int.from_bytes(head[4:], "little")
                return head[:4] == b"RIFF" and file.seek(0, os.SEEK_END) >= length
            file.seek(-len(end), os.SEEK_END)
            return file.read() == end
    except OSError:  # not there, or too short to seek
        return False


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def all_pictures(folder: Path, below: str = FOLDER) -> Iterator[Path]:
    """Every file below `images/` (or another folder), temporary ones included."""
    for directory, _, names in os.walk(folder / below):
        for name in names:
            yield Path(directory) / name
