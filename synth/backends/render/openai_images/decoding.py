"""From bytes that anyone may have sent to a picture.

Only formats that endpoints send are tried: each decoder of Pillow's is code that an attacker may reach. The size
stands in the header, so a small file that would unpack to gigabytes is refused before it is unpacked.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_FORMATS = ("PNG", "JPEG", "WEBP")
_MOST_PIXELS = 4096 * 4096
_LEAST_SIDE = 16


class NoPicture(Exception):
    """Why the bytes are none."""


def decode(raw: bytes) -> PILImage:
    """The picture as RGB, what is transparent on white.

    Raises:
        NoPicture: not PNG, JPEG or WebP, damaged, or of an absurd size.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS or min(image.size) < _LEAST_SIDE:
                raise NoPicture(f"{image.width} x {image.height} pixels")
            image.load()
            if not image.has_transparency_data:
                return image.convert("RGB")
            layer = image.convert("RGBA")
            ground = Image.new("RGBA", layer.size, "white")
            return Image.alpha_composite(ground, layer).convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NoPicture(str(error)) from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        kind = "HTML" if raw[:200].lstrip().lower().startswith((b"<!doctype", b"<html")) else f"{len(raw)} bytes"
        raise NoPicture(f"{kind}, not PNG, JPEG or WebP, or damaged ({type(error).__name__})") from None
