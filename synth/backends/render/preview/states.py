"""What has happened to a thing: snow on it, rust, cracks, a glow. The thing itself stays as it is drawn.

A material changes what a thing is made of; a state changes how one finds it. Each treatment takes the sprite as RGBA
and returns it, a little larger where something lies around it. Made once per sprite and size, like materials.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from synth.backends.render.preview.materials import Field, noise

Weights = npt.NDArray[np.floating[Any]]
Treatment = Callable[[Image.Image], Image.Image]


def apply_state(image: Image.Image, name: str) -> Image.Image:
    """`image` (RGBA) in the state `name`, one of `STATES`."""
    return STATES[name](image)


def _padded(image: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    wide = Image.new("RGBA", (image.width + left + right, image.height + top + bottom))
    wide.paste(image, (left, top))
    return wide


def _unit(image: Image.Image) -> int:
    return max(image.size)


def _blend(image: Image.Image, colour: tuple[int, int, int], weight: Weights) -> Image.Image:
    """The sprite's colours mixed with `colour` by `weight` (0 to 1, height x width); its shape stays."""
    pixels = np.asarray(image, dtype=np.float32).copy()
    share = weight[..., None]
    pixels[..., :3] = pixels[..., :3] * (1 - share) + np.array(colour, dtype=np.float32) * share
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGBA")


def _main_colour(pixels: npt.NDArray[Any]) -> tuple[int, int, int, int]:
    """The middle colour of the fills of RGBA pixels; gray where there is none."""
    flat = pixels.reshape(-1, 4)
    fills = flat[(flat[:, 3] > 200) & (flat[:, :3].sum(axis=1) > 150)]
    if not len(fills):
        return 200, 200, 200, 255
    red, green, blue = (int(value) for value in np.median(fills[:, :3], axis=0))
    return red, green, blue, 255


def _dark(image: Image.Image) -> Field:
    """1 on the black lines, 0 on fills."""
    gray = np.asarray(image.convert("L"), dtype=np.float32)
    return np.clip((70 - gray) / 30, 0, 1).astype(np.float32)


def _snow(image: Image.Image) -> Image.Image:
    """A white cap on everything that faces up."""
    depth = max(2, round(_unit(image) * 0.055))
    image = _padded(image, depth, depth, depth, 0)
    solid = np.asarray(image.getchannel("A")) > 100
    height, width = solid.shape
    row = np.arange(height)[:, None]
    above = np.maximum.accumulate(np.where(solid, -1, row), axis=0)
    below = np.minimum.accumulate(np.where(solid, height, row)[::-1], axis=0)[::-1]
    column = np.arange(width)
    waves = depth * (0.9 + 0.35 * np.sin(column / depth * 1.1) + 0.25 * np.sin(column / depth * 0.43 + 1))
    waves = np.minimum(waves, (below - above) * 0.4)  # of a lath something stays to be seen
    cap = Image.fromarray((solid & (row - above <= waves)).astype(np.uint8) * 255)
    step = depth // 3 * 2 + 1
    heap = cap.filter(ImageFilter.MaxFilter(step)) if step > 1 else cap
    heap = heap.filter(ImageFilter.GaussianBlur(depth / 5)).point(lambda v: 255 if v > 127 else 0)
    edge = heap.filter(ImageFilter.MaxFilter(3))
    image.paste((126, 160, 190, 255), mask=edge)
    image.paste((255, 255, 255, 255), mask=heap)
    return image


def _rust(image: Image.Image) -> Image.Image:
    height, width = image.height, image.width
    rough = 0.6 * noise(height, width, 9) + 0.4 * noise(height, width, 40, 3)
    patches = np.clip((rough - 0.42) * 7, 0, 1).astype(np.float32)
    lines = _dark(image)
    white = np.asarray(image.convert("RGB")).min(axis=2) > 225
    everywhere = np.where(white, np.float32(0), np.float32(0.5))  # a wheel is white because nothing is there
    rusty = _blend(image, (189, 92, 38), (everywhere + patches * (np.float32(0.9) - everywhere)) * (1 - lines))
    rusty = _blend(rusty, (120, 52, 18), np.clip((rough - 0.56) * 8, 0, 1) * np.float32(0.7) * (1 - lines))
    return _blend(rusty, (110, 48, 20), lines * np.float32(0.75))


def _dust(image: Image.Image) -> Image.Image:
    height, width = image.height, image.width
    rough = 0.5 * noise(height, width, 12) + 0.5 * noise(height, width, 70, 3)
    return _blend(image, (196, 182, 156), np.clip(0.42 + (rough - 0.5) * 1.1, 0.12, 0.85) * (1 - 0.6 * _dark(image)))


def _mud(image: Image.Image) -> Image.Image:
    """Splashed from below."""
    height, width = image.height, image.width
    rise = np.linspace(-0.5, 0.42, height, dtype=np.float32)[:, None]
    splash = 0.65 * noise(height, width, 11) + 0.35 * noise(height, width, 26, 3) + rise
    edge, body = np.clip((splash - 0.5) * 30, 0, 1), np.clip((splash - 0.53) * 30, 0, 1)
    return _blend(_blend(image, (58, 36, 18), edge * 0.95), (112, 74, 40), body * 0.95)


def _wet(image: Image.Image) -> Image.Image:
    """Drops on it and a puddle under it."""
    side, below = round(image.width * 0.08), round(_unit(image) * 0.05)
    image = _padded(_blend(image, (110, 160, 205), np.full((image.height, image.width), 0.16, np.float32)),
                    side, 0, side, below)  # fmt: skip
    drops = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(drops)
    size = max(1.5, _unit(image) * 0.02)
    for x, y in np.random.default_rng(4).random((26, 2)) * (image.width, image.height):
        draw.ellipse((x - size, y - size, x + size, y + size * 1.5), (176, 220, 250, 255), (38, 98, 160, 255),
                     max(1, round(size / 3)))  # fmt: skip
    inside = image.getchannel("A").filter(ImageFilter.MinFilter(5)).point(lambda a: 255 if a > 200 else 0)
    image.paste(drops, mask=ImageChops.multiply(drops.getchannel("A"), inside))
    puddle = _puddle(image.size, (122, 178, 224, 255), max(4, below * 2.2))
    puddle.alpha_composite(image)
    return puddle


def _puddle(size: tuple[int, int], colour: tuple[int, int, int, int], high: float) -> Image.Image:
    image = Image.new("RGBA", size)
    line = max(1, round(max(size) / 90))
    box = (0, size[1] - high, size[0] - 1, size[1] - 1)
    ImageDraw.Draw(image).ellipse(box, colour, (40, 84, 130, 255), line)
    return image


def _crack_path(width: int, height: int, x: float, bend: float) -> list[tuple[float, float]]:
    """A zigzag from top to bottom."""
    steps = (0, 0.14, 0.24, 0.4, 0.5, 0.66, 0.78, 1.0)
    turns = (0, 0.06, -0.05, 0.08, -0.03, 0.07, -0.05, 0.02)
    return [(width * (x + bend * t + turn), height * t) for t, turn in zip(steps, turns, strict=True)]


def _cracked(image: Image.Image) -> Image.Image:
    layer = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(layer)
    width, height = image.size
    thick = max(1, round(_unit(image) / 55))
    main = _crack_path(width, height, 0.42, 0.16)
    branches = (
        [main[2], (width * 0.24, height * 0.34), (width * 0.2, height * 0.5)],
        [main[3], (width * 0.7, height * 0.48), (width * 0.78, height * 0.68)],
        [main[5], (width * 0.32, height * 0.76), (width * 0.28, height * 0.92)],
    )
    for path in (main, *branches):
        draw.line([(x + thick, y) for x, y in path], (255, 255, 255, 210), thick)
        draw.line(path, (20, 18, 22, 255), thick, joint="curve")
    image = image.copy()
    image.paste(layer, mask=ImageChops.multiply(layer.getchannel("A"), image.getchannel("A")))
    return image


def _broken(image: Image.Image) -> Image.Image:
    """In two halves that have fallen apart, with shards at their feet."""
    width, height = image.size
    path = _crack_path(width, height, 0.4, 0.18)
    left = Image.new("L", image.size)
    ImageDraw.Draw(left).polygon([(0, 0), *path, (0, height)], 255)
    clear = Image.new("RGBA", image.size)
    halves = [Image.composite(image, clear, mask) for mask in (left, ImageChops.invert(left))]
    gap = max(3, round(width * 0.08))
    result = Image.new("RGBA", (width + 5 * gap, height + gap))
    for half, angle, x in zip(halves, (7, -13), (gap // 2, gap * 4), strict=True):
        box = half.getbbox()
        if box is None:
            continue
        turned = half.crop(box).rotate(angle, Image.Resampling.BICUBIC, expand=True)
        result.alpha_composite(turned, (min(max(0, x + box[0]), max(0, result.width - turned.width)),
                                        max(0, result.height - turned.height)))  # fmt: skip
    colour = _main_colour(np.asarray(image))
    draw, shard = ImageDraw.Draw(result), _unit(image) * 0.06
    foot = result.height - 2
    for part, turn in ((0.12, 0.2), (0.5, 0.7), (0.58, 0.0), (0.9, 0.5)):
        at = part * result.width
        corners = [
            (at - shard, foot),
            (at - shard * turn, foot - shard * 1.3),
            (at + shard, foot - shard * turn),
        ]
        draw.polygon(corners, colour, (0, 0, 0, 255), max(1, round(_unit(image) / 80)))
    return result


def _melted(image: Image.Image) -> Image.Image:
    """Slumped: lower, wider towards the foot, in a puddle of itself."""
    width, height = image.width, max(2, round(image.height * 0.66))
    soft = image.resize((width, height), Image.Resampling.BICUBIC)
    side, below = round(width * 0.24), max(3, round(height * 0.07))
    out_width, out_height = width + 2 * side, height + below
    y, x = np.mgrid[0:height, 0:out_width].astype(np.float32)
    spread = 1 + 0.48 * (y / height) ** 2.2
    sway = width * 0.035 * np.sin(y / height * 7)
    source = (x - out_width / 2 - sway) / spread + width / 2
    column = source.round().astype(int)
    inside = (column >= 0) & (column < width)
    pixels = np.asarray(soft)[y.astype(int), column.clip(0, width - 1)] * inside[..., None]
    body = Image.fromarray(pixels.astype(np.uint8), "RGBA")
    colour = _main_colour(pixels[int(height * 0.6) :])
    puddle = _puddle((out_width, out_height), colour, below * 2.4)
    puddle.alpha_composite(body)
    return puddle


def _lit(image: Image.Image) -> Image.Image:
    """In a halo of its own light."""
    reach = max(3, round(_unit(image) * 0.12))
    image = _padded(image, reach, reach, reach, 0)
    halo = image.getchannel("A").filter(ImageFilter.GaussianBlur(reach / 2.2)).point(lambda a: min(235, a * 2))
    glow = Image.new("RGBA", image.size, (255, 222, 84, 0))
    glow.putalpha(halo)
    glow.alpha_composite(image)
    return glow


def _unlit(image: Image.Image) -> Image.Image:
    return _blend(image, (38, 40, 52), np.full((image.height, image.width), 0.45, np.float32))


STATES: dict[str, Treatment] = {
    "snow": _snow, "rust": _rust, "dust": _dust, "mud": _mud, "wet": _wet, "cracked": _cracked, "broken": _broken,
    "melted": _melted, "lit": _lit, "unlit": _unlit,
}  # fmt: skip


def crowned(image: Image.Image, crown: Image.Image) -> Image.Image:
    """With `crown` (flames, steam) rising from the upper part."""
    overlap = min(round(crown.height * 0.3), image.height // 2)
    width = max(image.width, crown.width)
    result = Image.new("RGBA", (width, image.height + crown.height - overlap))
    result.paste(image, ((width - image.width) // 2, crown.height - overlap))
    result.alpha_composite(crown, ((width - crown.width) // 2, 0))
    return result
