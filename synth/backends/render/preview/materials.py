"""Things made of ice, wool or cheese: the sprite's shape filled with the look of the material.

The black lines stay, so that the thing can still be recognised; the fills get the material's
colours by brightness, and a pattern. Made once per sprite and size, so speed matters little here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Field = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Material:
    """Colours of dark, middle and bright parts, a pattern and its strength, and the opacity of fills."""

    dark: str
    middle: str
    bright: str
    pattern: str = "flat"
    strength: float = 0.25
    opacity: float = 1.0
    line: str = "#000000"


MATERIALS = {
    "ice": Material("#6FB6E0", "#BFE6F8", "#FFFFFF", "streaks", 0.35, 0.86, "#2E6E9E"),
    "glass": Material("#9CC9D6", "#DDF1F5", "#FFFFFF", "streaks", 0.3, 0.5, "#3F6A78"),
    "water": Material("#2E86D0", "#6DBDF0", "#E2F6FF", "waves", 0.35, 0.8, "#14508C"),
    "wood": Material("#7A4A22", "#B97A3E", "#DDA766", "grain", 0.45, 1.0, "#3A210C"),
    "gold": Material("#A26B08", "#F2BE22", "#FFF6BE", "bands", 0.45, 1.0, "#5A3B00"),
    "silver": Material("#5B6670", "#AEB9C2", "#FFFFFF", "bands", 0.45, 1.0, "#20282F"),
    "copper": Material("#6E3216", "#B4643A", "#E7A57C", "noise", 0.45, 1.0, "#331305"),
    "stone": Material("#7E8084", "#B9BABD", "#E6E6E8", "marble", 0.4, 1.0, "#36383C"),
    "brick": Material("#8E3B2A", "#B9503A", "#D0735D", "bricks", 0.6),
    "wool": Material("#B9457A", "#E87FA9", "#FBC6DA", "knit", 0.4),
    "denim": Material("#24406E", "#3F68A8", "#7FA3D6", "weave", 0.35),
    "leather": Material("#4E2A14", "#8A5230", "#B97F56", "noise", 0.3),
    "paper": Material("#C9C2B2", "#F3EEE2", "#FFFFFF", "folds", 0.22, 1.0, "#555047"),
    "chocolate": Material("#3B1D0D", "#6B3A1E", "#A8683F", "blocks", 0.3, 1.0, "#1F0D04"),
    "candy": Material("#E06AA0", "#FDAFD0", "#FFF0F6", "swirl", 0.35, 1.0, "#7E2A52"),
    "cheese": Material("#D99A10", "#F9CF45", "#FFE999", "holes", 0.45, 1.0, "#6E4A00"),
    "jelly": Material("#1E8A3C", "#5FD06F", "#D9FFD4", "waves", 0.25, 0.78, "#0E4E20"),
    "bread": Material("#9C5E1E", "#D99F55", "#F7DDA8", "noise", 0.3, 1.0, "#4A2A08"),
    "fire": Material("#C81E0A", "#FF8A12", "#FFF08A", "flames", 0.6, 1.0, "#5A0A00"),
    "smoke": Material("#8F9499", "#C9CDD1", "#F4F5F6", "clouds", 0.3, 0.72, "#5C6166"),
    "sand": Material("#B58A4A", "#E0BC7C", "#F6E0B0", "noise", 0.35, 1.0, "#6B4C1E"),
    "leaf": Material("#1F6B26", "#4FA83C", "#A6DB72", "leaves", 0.5, 1.0, "#113B12"),
    "plastic": Material("#C4281C", "#F5C518", "#FFF1B0", "studs", 0.5),
    "fur": Material("#7A5230", "#B98A5A", "#E4C49A", "hairs", 0.5, 1.0, "#3A230E"),
    "scales": Material("#12705C", "#2FB08C", "#9CEBCD", "scales", 0.5, 1.0, "#06352A"),
    "spots": Material("#B97A1E", "#F0B84A", "#FFE0A0", "spots", 0.8),
    "stripes": Material("#B9B9B9", "#F2F2F2", "#FFFFFF", "stripes", 0.85),
    "rainbow": Material("#C0C0C0", "#F0F0F0", "#FFFFFF", "rainbow", 1.0),
    "neonglow": Material("#F2A60A", "#FFE45C", "#FFFFFF", "clouds", 0.15, 1.0, "#A06A00"),
}


def apply_material(image: Image.Image, name: str, colour: str = "") -> Image.Image:
    """`image` (RGBA) made of the material, in `colour` if one is given."""
    material = MATERIALS[name]
    pixels = np.asarray(image, dtype=np.float32)
    gray = pixels[..., :3] @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    alpha = pixels[..., 3]
    height, width = gray.shape
    shades = _shades(material, colour)
    level = np.clip(gray / 255, 0, 1)
    level = 0.25 + 0.6 * level
    pattern = PATTERNS[material.pattern](height, width)
    level = np.clip(level + (pattern - 0.5) * material.strength, 0, 1)
    if material.pattern == "rainbow":
        body = _rainbow(height, width) * (0.6 + 0.4 * level[..., None])
    else:
        body = np.stack([np.interp(level, (0, 0.5, 1), shades[:, band]) for band in range(3)], axis=-1)
    line = np.clip((60 - gray) / 30, 0, 1)[..., None] if gray.size else np.zeros((height, width, 1))
    colour_of_line = np.array(_rgb(material.line), dtype=np.float32)
    mixed = body * (1 - line) + colour_of_line * line
    opacity = alpha * (material.opacity + (1 - material.opacity) * line[..., 0])
    result = np.dstack([mixed, opacity]).clip(0, 255).astype(np.uint8)
    return Image.fromarray(result, "RGBA")


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _shades(material: Material, colour: str) -> Field:
    if not colour:
        return np.array([_rgb(material.dark), _rgb(material.middle), _rgb(material.bright)], dtype=np.float32)
    middle = np.array(_rgb(colour), dtype=np.float32)
    return _field(np.stack([middle * 0.55, middle, middle * 0.4 + 255 * 0.6]))


def _field(values: Any) -> Field:
    return np.asarray(values, dtype=np.float32)


def _grid(height: int, width: int) -> tuple[Field, Field]:
    """Coordinates in units of 1/100 of the longer side: a pattern looks alike at every size."""
    scale = 100 / max(height, width, 1)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) * scale
    return y, x


def noise(height: int, width: int, cells: int, seed: int = 7) -> Field:
    """Smooth noise, the same on every machine and at every call."""
    rng = np.random.default_rng(seed)
    small = (rng.random((cells, cells)) * 255).astype(np.uint8)
    image = Image.fromarray(small).resize((max(width, 1), max(height, 1)), Image.Resampling.BICUBIC)
    return _field(np.asarray(image)) / np.float32(255)


def _flat(height: int, width: int) -> Field:
    return np.full((height, width), 0.5, dtype=np.float32)


def _streaks(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    wave = np.sin((x + y) * 0.16) + 0.6 * np.sin((x + y) * 0.43 + 1)
    return _field(np.where(wave > 1.1, 1.3, 0.45 + 0.1 * wave))


def _waves(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(0.5 + 0.5 * np.sin(y * 0.8 + 2 * np.sin(x * 0.18)))


def _grain(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(0.5 + 0.5 * np.sin(y * 1.1 + 3 * np.sin(x * 0.05 + y * 0.03) + 4 * noise(height, width, 9)))


def _bands(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(0.5 + 0.5 * np.sin((x * 0.5 + y) * 0.17) ** 3 + 0.12 * np.sin((x + y) * 0.6))


def _rough(height: int, width: int) -> Field:
    return 0.5 * noise(height, width, 60) + 0.5 * noise(height, width, 18, 3)


def _marble(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    vein = np.abs(np.sin((x * 0.6 + y) * 0.06 + 5 * noise(height, width, 7)))
    return _field(np.clip(vein * 2.2, 0, 1) * 0.6 + 0.25 * noise(height, width, 50))


def _bricks(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    row = np.floor(y / 6)
    mortar = ((y % 6) < 0.9) | (((x + (row % 2) * 6) % 12) < 0.9)
    return _field(np.where(mortar, 1.3, 0.35 + 0.3 * noise(height, width, 24)))


def _knit(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(0.5 + 0.5 * np.sin((y + np.abs((x % 5) - 2.5) * 1.1) * 2.1))


def _weave(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(0.5 + 0.25 * np.sin((x + y) * 3.0) + 0.25 * np.sin((x - y) * 1.2))


def _folds(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(((x + 0.6 * y) % 26 < 13) * 0.5 + ((x - 0.8 * y) % 34 < 17) * 0.5)


def _blocks(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    edge = np.minimum(x % 13, y % 13)
    return _field(np.where(edge < 1.2, 0.0, np.where(edge < 2.4, 1.0, 0.55)))


def _swirl(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(0.5 + 0.5 * np.sign(np.sin((x + y) * 0.4)))


def _holes(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    row = np.floor(y / 16)
    centre_x, centre_y = (x + row * 9) % 19 - 9.5, y % 16 - 8
    radius = 3 + (np.floor((x + row * 9) / 19) * 7 + row * 5) % 4
    return _field(np.where(centre_x**2 + centre_y**2 < radius**2, -0.1, 0.6))


def _flames(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(y / max(float(y.max()) if y.size else 1, 1) + 0.35 * np.sin(x * 0.45 + 2 * np.sin(y * 0.15)))


def _clouds(height: int, width: int) -> Field:
    return 0.7 * noise(height, width, 8) + 0.3 * noise(height, width, 20, 5)


def _leaves(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(0.5 + 0.5 * np.sin(x * 1.3 + 2 * np.sin(y * 0.9)) * np.sin(y * 1.2 + 2 * np.sin(x * 0.7)))


def _studs(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    stud = (x % 8 - 4) ** 2 + (y % 8 - 4) ** 2 < 5.5
    brick = (np.floor(x / 16) * 3 + np.floor(y / 8) * 5) % 4
    edge = (x % 16 < 0.7) | (y % 8 < 0.7)
    return _field(np.where(edge, -0.2, np.where(stud, 0.9, 0.2 + brick * 0.2)))


def _hairs(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(0.5 + 0.5 * np.sin((x + 1.5 * np.sin(y * 0.35)) * 2.4 + 5 * noise(height, width, 22)))


def _scales(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    row = np.floor(y / 4)
    distance = np.sqrt(((x + (row % 2) * 3) % 6 - 3) ** 2 + (y % 4) ** 2)
    return _field(np.where(np.abs(distance - 3.2) < 0.6, 0.0, 0.75 - distance * 0.06))


def _spots(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    row = np.floor(y / 10)
    distance = ((x + row * 5.5) % 11 - 5.5) ** 2 + (y % 10 - 5) ** 2
    return _field(np.where(distance < 8, -0.4, 0.6))


def _stripes(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    return _field(np.where(np.sin(x * 0.7 + 1.4 * np.sin(y * 0.12)) > 0.25, -0.5, 0.6))


def _rainbow(height: int, width: int) -> Field:
    y, x = _grid(height, width)
    hue = ((x * 0.4 + y) / 60) % 1
    bands = [np.clip(np.abs((hue * 6 + shift) % 6 - 3) - 1, 0, 1) for shift in (0, 4, 2)]
    return (np.stack(bands, axis=-1) * 200 + 45).astype(np.float32)


PATTERNS: dict[str, Callable[[int, int], Field]] = {
    "flat": _flat, "streaks": _streaks, "waves": _waves, "grain": _grain, "bands": _bands, "noise":
    _rough, "marble": _marble, "bricks": _bricks, "knit": _knit, "weave": _weave, "folds": _folds,
    "blocks": _blocks, "swirl": _swirl, "holes": _holes, "flames": _flames, "clouds": _clouds,
    "leaves": _leaves, "studs": _studs, "hairs": _hairs, "scales": _scales, "spots": _spots,
    "stripes": _stripes, "rainbow": _flat,
}  # fmt: skip
