"""Clip art as pixels: rasterised, cropped, tinted, made of ice or wool, and cached.

Rasterising an SVG takes several milliseconds and pasting a bitmap a fraction of one, so every
variant is made once per size. Sizes come in steps (`step_size`) to keep variants few.
"""

from __future__ import annotations

import io
import math
import re
import threading
import zlib
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import resvg_py
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from synth.backends.render.preview.cache import ByteCache
from synth.backends.render.preview.materials import apply_material
from synth.backends.render.preview.states import apply_state, crowned

BUDGET = 192 << 20
MASTER_BUDGET = 64 << 20
#: sizes of the smallest and the largest master; each is twice the one before
MASTERS = (180, 5760)
_VISIBLE = [0] * 9 + [255] * 247
#: OpenMoji's own skin colours, for people that it draws in yellow only
SKIN = ("#fadcbc", "#debb90", "#c19a65", "#a57939", "#6a462f")
_GROUP = '<g stroke="{0}" stroke-width="{1}" stroke-linejoin="round" stroke-linecap="round">'
_HEAD = '<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg">'
_FONT_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that decides a sprite's pixels, except its size."""

    picture: str
    tint: str = ""
    material: str = ""
    mirrored: bool = False
    turned: bool = False
    tilted: bool = False
    gray: bool = False
    outline: bool = False
    states: tuple[str, ...] = ()
    rising: str = ""


def step_size(pixels: float) -> int:
    """The nearest size in steps of an eighth of an octave, at least 12."""
    return max(12, round(2 ** (round(math.log2(max(pixels, 12)) * 8) / 8)))


class Gallery:
    """Sprites and cards by look and size."""

    def __init__(self, folder: Traversable, drawings: dict[str, str]) -> None:
        self._folder = folder
        self._drawings = drawings
        self._cache: ByteCache[Image.Image] = ByteCache(BUDGET, _bytes)
        self._masters: ByteCache[bytes] = ByteCache(MASTER_BUDGET, len)

    def sprite(self, look: Look, size: int) -> Image.Image:
        """RGBA, cropped, its longer side about `size`."""
        return self._cache.get((look, size), lambda: self._make(look, size))

    def card(self, label: str, size: int) -> Image.Image:
        """A rounded card with the words: what stands for a thing without a picture."""
        return self._cache.get(("card", label, size), lambda: _card(label, size))

    def shadow(self, width: int, height: int) -> Image.Image:
        """A soft ellipse as an L mask."""
        return self._cache.get(("shadow", width, height), lambda: _shadow(width, height))

    def clear(self) -> None:
        self._cache.clear()
        self._masters.clear()

    def _make(self, look: Look, size: int) -> Image.Image:
        if look.rising:
            size = step_size(size * 0.75)
        plain = look.picture, look.gray
        image = self._cache.get((plain, size), lambda: self._rasterise(look.picture, look.gray, size))
        if look.material:
            image = apply_material(image, look.material, look.tint)
        elif look.tint:
            image = tint(image, look.tint)
        for state in look.states:
            image = apply_state(image, state)
        if look.rising:
            image = crowned(image, self._rasterise(look.rising, False, step_size(0.6 * min(image.size) + 0.1 * size)))
        if look.mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if look.turned:
            image = image.transpose(Image.Transpose.ROTATE_180)
        if look.tilted:
            image = image.rotate(28, Image.Resampling.BICUBIC, expand=True)
        return _outlined(image, max(2, size // 60)) if look.outline else image

    def _rasterise(self, picture: str, gray: bool, size: int) -> Image.Image:
        """The drawing cropped to what is drawn, reduced from the next larger master."""
        pixels = MASTERS[0]
        while pixels < size * 1.15 and pixels < MASTERS[1]:
            pixels *= 2
        master = self._master(picture, gray, pixels)
        box = master.getchannel("A").point(_VISIBLE).getbbox() or (0, 0, pixels, pixels)
        width, height = box[2] - box[0], box[3] - box[1]
        shrink = size / max(width, height)
        return master.resize(
            (max(1, round(width * shrink)), max(1, round(height * shrink))), Image.Resampling.BICUBIC, box
        )

    def _master(self, picture: str, gray: bool, pixels: int) -> Image.Image:
        """Rasterised once in few sizes and kept as PNG: to decode is much cheaper than to rasterise."""
        png = self._masters.get((picture, gray, pixels), lambda: _render(self._source(picture, gray), pixels))
        return Image.open(io.BytesIO(png)).convert("RGBA")

    def _source(self, picture: str, gray: bool) -> str:
        if picture in self._drawings:
            inner = self._drawings[picture]
            parts = re.findall(r"<[^>]+>", inner)
            fills = "".join(part for part in parts if 'fill="none"' not in part)
            lines = "".join(part for part in parts if 'fill="none"' in part)
            return f"{_HEAD}{_GROUP.format('none', 0)}{fills}</g>{_GROUP.format('#000', 2)}{lines}</g></svg>"
        stem, _, tone = picture.partition("@")
        text = self._folder.joinpath(stem + ".svg").read_text(encoding="utf-8")
        if tone:
            text = re.sub(r"#FCEA2B|#fcea2b", SKIN[int(tone)], text)
        if gray:
            text = re.sub(
                r'<g id="hair">.*?</g>',
                lambda m: re.sub(r'fill="#\w+"', 'fill="#D0CFCE"', m[0]),
                text,
                flags=re.S,
            )
        return text


def _bytes(image: Image.Image) -> int:
    return image.width * image.height * len(image.getbands())


def _render(source: str, size: int) -> bytes:
    return bytes(resvg_py.svg_to_bytes(svg_string=source, width=size, height=size, skip_system_fonts=True))


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def tint(image: Image.Image, colour: str) -> Image.Image:
    """Give the fills `colour`: the usual brightness becomes the colour; black lines and shading stay."""
    gray = image.convert("L")
    alpha = image.getchannel("A")
    histogram = gray.histogram(alpha.point(lambda a: 255 if a > 200 else 0))
    middle = max(_median(histogram[45:]) + 45, 90)
    target = rgb(colour)
    if sum(target) < 150:  # a black thing keeps a little of its shading, else only its outline is left
        target = (target[0] + 22, target[1] + 22, target[2] + 24)
    bands = []
    for value in target:
        low = [
            round(value * level / middle * 0.55 + value * 0.45) if level > 40 else round(level * 0.5)
            for level in range(middle)
        ]
        high = [
            round(value + (255 - value) * 0.55 * (level - middle) / max(1, 255 - middle))
            for level in range(middle, 256)
        ]
        bands.append(gray.point(low + high))
    return Image.merge("RGBA", (*_keep_other_colours(image, Image.merge("RGB", bands)).split(), alpha))


def _keep_other_colours(image: Image.Image, tinted: Image.Image) -> Image.Image:
    """Tint the main colour alone where there is one: the body of a car, not its tyres and windows."""
    hue, saturation, value = image.convert("RGB").convert("HSV").split()
    opaque = image.getchannel("A").point(lambda a: 255 if a > 200 else 0)
    fills = ImageChops.multiply(opaque, value.point(lambda v: 255 if v > 60 else 0))
    vivid = ImageChops.multiply(fills, saturation.point(lambda s: 255 if s > 55 else 0))
    filled, coloured = fills.histogram()[255], vivid.histogram()[255]
    if coloured < 0.35 * max(filled, 1):
        return tinted
    hues = hue.histogram(vivid)
    doubled = hues + hues
    main = max(range(256), key=lambda h: sum(doubled[h : h + 41])) + 20
    if sum(doubled[main - 20 : main + 21]) > 0.6 * coloured:
        near = hue.point(lambda h: 255 if (h - main + 20) % 256 <= 40 else 0)
        vivid = ImageChops.multiply(near, saturation.point(lambda s: min(255, s * 4)))
        vivid = ImageChops.lighter(vivid, value.point(lambda v: 255 if v < 60 else 0))
        return Image.composite(tinted, image.convert("RGB"), vivid)
    return tinted


def _median(histogram: list[int]) -> int:
    half = sum(histogram) / 2
    seen = 0
    for level, count in enumerate(histogram):
        seen += count
        if seen >= half:
            return level
    return 128


def _outlined(image: Image.Image, width: int) -> Image.Image:
    """With a white rim like a sticker's, so that the subject stands out from any background."""
    padded = Image.new("RGBA", (image.width + 4 * width, image.height + 4 * width))
    padded.paste(image, (2 * width, 2 * width))
    alpha = padded.getchannel("A")
    rim = alpha.filter(ImageFilter.GaussianBlur(width * 0.8)).point(lambda a: min(255, a * 5))
    body = Image.new("RGBA", padded.size, (255, 255, 255, 0))
    body.putalpha(rim)
    body.alpha_composite(padded)
    return body


def _shadow(width: int, height: int) -> Image.Image:
    mask = Image.new("L", (width, height))
    pad_x, pad_y = max(1, width // 10), max(1, height // 6)
    ImageDraw.Draw(mask).ellipse((pad_x, pad_y, width - pad_x, height - pad_y), fill=95)
    return mask.filter(ImageFilter.GaussianBlur(max(1, height // 7)))


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def draw_text(image: Image.Image, lines: list[str], box: tuple[int, int, int, int], fill: tuple[int, int, int]) -> None:
    """`lines` centred in `box`, as large as fits. Fonts are shared, hence the lock."""
    width, height = box[2] - box[0], box[3] - box[1]
    with _FONT_LOCK:
        size = max(6, int(height / (len(lines) * 1.25)))
        probe = font(100)
        widest = max((probe.getlength(line) for line in lines), default=1) or 1
        face = font(max(6, min(size, int(width / widest * 100))))
        draw = ImageDraw.Draw(image)
        draw.multiline_text(
            ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2),
            "\n".join(lines),
            fill,
            face,
            anchor="mm",
            align="center",
        )


def wrap(label: str, most: int = 3) -> list[str]:
    """Up to `most` lines of about equal length."""
    words = label.split()
    goal = max(8, math.ceil(len(label) / most))
    lines = [""]
    for word in words or ["?"]:
        word = word[:24]
        if lines[-1] and len(lines[-1]) + len(word) + 1 > goal and len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


_CARDS = ("#FFE3A3", "#BFE3FF", "#D5F0C1", "#FFD0CC", "#E3D4FA", "#FFD9B8")


def _card(label: str, size: int) -> Image.Image:
    width, height = size, max(12, round(size * 0.62))
    image = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(image)
    line = max(1, size // 70)
    colour = rgb(_CARDS[zlib.crc32(label.encode("utf-8", "replace")) % len(_CARDS)])
    draw.rounded_rectangle(
        (line, line, width - line - 1, height - line - 1), size // 12, (*colour, 255), (0, 0, 0, 255), line
    )
    pad = size // 12
    draw_text(image, wrap(label), (pad, pad, width - pad, height - pad), (30, 30, 40))
    return image
