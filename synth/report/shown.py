"""Untrusted text and pictures, made fit to be shown.

Escaping is the template's work; here signs that deceive the eye (control characters, direction
overrides, zero-width characters) become visible, and pictures become small data URIs.
"""

from __future__ import annotations

import base64
import io
import math
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from synth.errors import SynthError
from synth.run.picture_files import picture_file

LONGEST = 20_000
THUMB = 320
_MAX_PIXELS = 64_000_000
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINER = "\u200d"  # joins emoji, so it stays
_EMPHASIS = re.compile(r"\(\(([^()]{1,300})\)\)|\(([^():]{1,300}):(\d{1,2}(?:\.\d{1,3})?)\)")


def visible(text: object, longest: int = LONGEST) -> str:
    """`text` with hidden characters spelled out, and cut if it is absurdly long."""
    given = str(text)
    cut = given[:longest]
    if not cut.isprintable():
        cut = "".join(map(_spelled, cut))
    more = len(given) - len(cut) if len(given) > longest else 0
    return f"{cut} … {len(given) - longest:,} more characters" if more else cut


def _spelled(character: str) -> str:
    if character in ("\n", "\t", _JOINER) or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"


def one_line(text: object, longest: int = 300) -> str:
    return " ".join(visible(text, longest).split())


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a prompt; `weight` says what the renderer was told, e.g. "(( ))" or "1.3"."""

    text: str
    weight: str = ""


def emphasis(prompt: str) -> list[Piece]:
    """A prompt in pieces, with its `((emphasised))` and `(weighted:1.2)` parts told apart."""
    prompt = visible(prompt)
    pieces, at = [], 0
    for match in _EMPHASIS.finditer(prompt):
        if match.start() > at:
            pieces.append(Piece(prompt[at : match.start()]))
        pieces.append(Piece(match[1], "(( ))") if match[1] is not None else Piece(match[2], match[3]))
        at = match.end()
    if at < len(prompt):
        pieces.append(Piece(prompt[at:]))
    return pieces


@dataclass(frozen=True, slots=True)
class Thumb:
    """A picture as the page shows it: a data URI, or the reason why there is none."""

    uri: str = ""
    width: int = 0
    height: int = 0
    problem: str = ""
    attribution: str = ""


def side(pictures: int) -> int:
    """How large the thumbnails of a sample with so many pictures are, so that together they have at most twice the
    pixels of a single one: what bounds the size of the page."""
    return max(16, int(THUMB * min(1, math.sqrt(2 / max(1, pictures)))))


def thumb(run: Path, path: str | None, side: int = THUMB) -> Thumb:
    """A JPEG of at most `side` pixels each way, without metadata of the original."""
    from PIL import Image, ImageOps

    if path is None:
        return Thumb(problem="no picture")
    try:
        file = picture_file(run, path)
    except SynthError as error:
        return Thumb(problem=one_line(error.message))
    try:
        with Image.open(file) as image:
            if image.width * image.height > _MAX_PIXELS:
                return Thumb(problem=f"too large to show: {image.width} × {image.height}")
            attribution = one_line(str(image.getexif().get(0x8298, "")).rstrip("\0"))
            image.draft("RGB", (2 * side, 2 * side))
            small = ImageOps.exif_transpose(image).convert("RGB")
        small.thumbnail((side, side))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=80, optimize=True)
    except Exception as error:  # Pillow raises nearly anything for a broken file
        return Thumb(problem=f"not a readable picture ({type(error).__name__})")
    uri = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Thumb(uri, *small.size, attribution=attribution)
