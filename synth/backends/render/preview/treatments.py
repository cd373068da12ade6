"""How it is painted and lit: light and weather over a scene, and style over the whole picture.

All work on whole pictures with Pillow's C loops: a treatment has a few milliseconds. Textures are
made once per size by the caller's cache.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Texture = Callable[[str, tuple[int, int]], Image.Image]
#: the veil's colour at the top and at the bottom, and how thick it is
_GRADES = {
    "sunset": ("#E0482E", "#FF9A3C", 0.62),
    "sunrise": ("#F7B7D8", "#FFE6C2", 0.5),
    "noon": ("#FFFFFF", "#FFF7C4", 0.3),
    "night": ("#0E1A4A", "#23376E", 0.78),
    "storm": ("#3A4654", "#6E7B88", 0.62),
    "rain": ("#59687A", "#8F9FB0", 0.55),
    "snowfall": ("#B9C9DA", "#E8F0F7", 0.5),
    "fog": ("#D5DBDF", "#E9ECEE", 0.5),
    "neon": ("#3A1F8C", "#E0309C", 0.6),
    "sun": ("#FFF6C9", "#FFF1B8", 0.16),
    "warm": ("#F2A65A", "#FFD79A", 0.28),
    "cold": ("#8FB0C9", "#C3D3DE", 0.35),
    "spotlight": ("#15121F", "#2E2838", 0.6),
    "autumn": ("#F2B05A", "#D9662A", 0.3),
    "spring": ("#FFE3EE", "#EAF7D5", 0.25),
}


#: lights that darken what they fall on, and those under which a scene does not show a sun of its own
_DARK = frozenset({"night", "storm", "neon", "spotlight", "sunset", "rain"})
SUNLESS = frozenset({"sunset", "sunrise", "noon", "night", "storm", "rain", "snowfall", "fog"})


def light_background(image: Image.Image, lights: tuple[str, ...], wash: str, outdoors: bool) -> Image.Image:
    """The background under the first light, and in the colour of coloured light."""
    darkened = False
    for name in lights[:2]:
        top, bottom, amount = _GRADES[name]
        dark = name in _DARK
        if darkened:
            amount *= 0.45
        mask = Image.linear_gradient("L").resize((1, image.height)).resize(image.size, Image.Resampling.NEAREST)
        veil = Image.composite(Image.new("RGB", image.size, bottom), Image.new("RGB", image.size, top), mask)
        if dark and not darkened:
            darkened = True
            image = ImageChops.multiply(image, Image.blend(Image.new("RGB", image.size, "white"), veil, amount))
        image = Image.blend(image, veil, amount * (0.55 if outdoors else 0.35))
        image = _lamps(image, name, outdoors)
    if wash:
        tone = Image.new("RGB", image.size, wash)
        image = Image.blend(
            ImageChops.multiply(image, Image.blend(Image.new("RGB", image.size, "white"), tone, 0.75)),
            tone,
            0.3,
        )
    return image


def _lamps(image: Image.Image, name: str, outdoors: bool) -> Image.Image:
    """Sun, moon, stars or beams of the light."""
    width, height = image.size
    unit = min(width, height)
    draw = ImageDraw.Draw(image, "RGBA")
    if name in _SUNS and outdoors:
        across, down, size, colour = _SUNS[name]
        x, y, r = width * across, height * down, unit * size
        for i in range(5, 0, -1):
            s = r * (1 + i * 0.28)
            draw.ellipse((x - s, y - s, x + s, y + s), (*colour, 30))
        draw.ellipse((x - r, y - r, x + r, y + r), (*colour, 245))
    if name in _CLOUDS and outdoors:
        for i in range(14):
            x, y, s = width * (i * 5 % 14) / 13, height * (0.0 + (i % 3) * 0.045), unit * (0.12 + (i % 4) * 0.015)
            tone = tuple(value + (i % 3) * 9 for value in _CLOUDS[name])
            draw.ellipse((x - s * 1.4, y - s * 0.6, x + s * 1.4, y + s * 0.6), tone)
    if name == "night" and outdoors:
        for i in range(60):
            x, y = (i * 7919 % 997) / 997 * width, (i * 4793 % 991) / 991 * height * 0.45
            s = unit * (0.0015 + (i % 3) * 0.001)
            draw.ellipse((x - s, y - s, x + s, y + s), (255, 250, 220, 230))
        x, y, r = width * 0.83, height * 0.14, unit * 0.065
        for i in range(4, 0, -1):
            s = r * (1 + i * 0.3)
            draw.ellipse((x - s, y - s, x + s, y + s), (230, 235, 255, 22))
        draw.ellipse((x - r, y - r, x + r, y + r), (250, 246, 220, 255))
    if name == "spotlight":
        draw.polygon(
            [(width * 0.45, 0), (width * 0.55, 0), (width * 0.86, height), (width * 0.14, height)],
            (255, 244, 205, 70),
        )
        draw.ellipse((width * 0.14, height * 0.82, width * 0.86, height * 1.0), (255, 244, 205, 60))
    if name == "sun":
        for i in range(4):
            x = width * (0.05 + i * 0.17)
            draw.polygon(
                [(x, 0), (x + width * 0.05, 0), (x + width * 0.42, height), (x + width * 0.26, height)],
                (255, 248, 205, 38),
            )
    if name == "warm":
        for i in range(6, 0, -1):
            s = unit * 0.11 * i
            draw.ellipse((width * 0.5 - s, height * 0.36 - s, width * 0.5 + s, height * 0.36 + s), (255, 224, 150, 14))
    if name == "storm" and outdoors:
        draw.line(
            [
                (width * 0.2, 0),
                (width * 0.15, height * 0.16),
                (width * 0.21, height * 0.16),
                (width * 0.14, height * 0.4),
            ],
            (255, 246, 170, 255),
            max(2, unit // 90),
        )
    if name == "neon":
        for i, colour in enumerate(((0, 240, 255), (255, 60, 200), (255, 230, 60))):
            y = height * (0.1 + i * 0.055)
            for thick, alpha in ((unit // 28, 60), (max(2, unit // 110), 255)):
                left, right = ((0.04, 0.22), (0.78, 0.96), (0.06, 0.3))[i]
                draw.line([(width * left, y), (width * right, y)], (*colour, alpha), thick)
    return image


#: where the sun stands (fractions of the canvas), how large it is, and its colour
_SUNS = {
    "sunset": (0.76, 0.44, 0.1, (255, 214, 110)),
    "sunrise": (0.22, 0.46, 0.085, (255, 246, 190)),
    "noon": (0.5, 0.1, 0.085, (255, 241, 120)),
}
#: the clouds that it falls from
_CLOUDS = {"rain": (92, 102, 116), "storm": (46, 54, 66), "snowfall": (176, 186, 200)}
WEATHER = frozenset({"rain", "storm", "snowfall", "fog", "autumn", "spring"})


def weather_overlay(name: str, size: tuple[int, int]) -> Image.Image:
    """What falls or drifts in front of everything, as RGBA."""
    width, height = size
    unit = min(size)
    image = Image.new("RGBA", size)
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(11)
    if name in ("rain", "storm"):
        for x, y in rng.random((170, 2)):
            long = unit * 0.06
            draw.line(
                (x * width, y * height, x * width - long * 0.3, y * height + long),
                (225, 238, 250, 150),
                max(1, round(unit / 190)),
            )
    elif name == "snowfall":
        for x, y, r in rng.random((120, 3)):
            s = unit * (0.003 + 0.007 * r)
            draw.ellipse((x * width - s, y * height - s, x * width + s, y * height + s), (255, 255, 255, 230))
    elif name == "fog":
        small = Image.new("L", (64, 64))
        pen = ImageDraw.Draw(small)
        for x, y, r in rng.random((26, 3)):
            pen.ellipse((x * 64 - 16, 20 + y * 40 - 4 - 4 * r, x * 64 + 16, 20 + y * 40 + 4), fill=120)
        veil = small.filter(ImageFilter.GaussianBlur(5)).resize(size, Image.Resampling.BICUBIC)
        image = Image.new("RGBA", size, (240, 243, 245, 0))
        image.putalpha(veil.point(lambda a: min(120, int(a * 0.8) + 25)))
    else:
        colours = (
            ((224, 122, 40), (200, 70, 40), (240, 190, 70))
            if name == "autumn"
            else ((248, 170, 200), (255, 210, 225), (250, 235, 240))
        )
        for i, (x, y) in enumerate(rng.random((34, 2))):
            s = unit * 0.011
            draw.ellipse(
                (x * width - s, y * height - s * 0.6, x * width + s, y * height + s * 0.6),
                (*colours[i % 3], 230),
            )
    return image


#: what lies on the ground
GROUNDS = frozenset({"wet", "snow", "mud"})


def ground_overlay(name: str, size: tuple[int, int]) -> Image.Image:
    """Puddles, or patches of snow or mud, on the lower part of a scene, as RGBA."""
    width, height = size
    image = Image.new("RGBA", size)
    draw = ImageDraw.Draw(image)
    if name == "snow":
        for layer, (y, colour) in enumerate(((0.76, (226, 237, 246, 255)), (0.8, (255, 255, 255, 255)))):
            top = [(i / 24, y + 0.012 * np.sin(i * 0.9 + layer * 2) + 0.008 * np.sin(i * 2.3)) for i in range(25)]
            draw.polygon([(0, height), *((x * width, float(v) * height) for x, v in top), (width, height)], colour)
        return image
    fill, rim, shine = _POOLS[name]
    line = max(1, min(size) // 200)
    for x, y, r in ((0.2, 0.84, 0.13), (0.8, 0.86, 0.15), (0.5, 0.95, 0.22), (0.06, 0.95, 0.1), (0.95, 0.96, 0.1)):
        rx, ry = r * width, r * 0.2 * height
        middle_x, middle_y = x * width, y * height
        draw.ellipse((middle_x - rx, middle_y - ry, middle_x + rx, middle_y + ry), fill, rim, line)
        for part in (-0.3, 0.25):
            at = middle_y + part * ry
            draw.line((middle_x - rx * 0.5, at, middle_x + rx * (0.1 - part), at), shine, line)
    return image


_POOLS = {
    "wet": ((132, 186, 228, 235), (70, 110, 150, 255), (235, 247, 255, 230)),
    "mud": ((112, 74, 40, 245), (66, 42, 22, 255), (150, 106, 64, 230)),
}


# --- styles


def make_texture(name: str, size: tuple[int, int]) -> Image.Image:
    """A texture of the size; the same at every call."""
    width, height = size
    rng = np.random.default_rng(5)
    if name == "paper":
        small = (240 + rng.random((max(1, height // 2), max(1, width // 2))) * 15).astype(np.uint8)
        return Image.fromarray(small).resize(size, Image.Resampling.BILINEAR).convert("RGB")
    if name == "edge":  # white, uneven border: where a wash ends
        return _uneven_edge(size, rng)
    if name == "canvas":
        y, x = np.mgrid[0:height, 0:width]
        noise = Image.fromarray((rng.random((max(2, height // 6), max(2, width // 14))) * 255).astype(np.uint8))
        strokes = np.asarray(noise.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
        weave = 8 * np.sin(x * 1.6) + 8 * np.sin(y * 1.6)
        return Image.fromarray((128 + (strokes - 128) * 0.42 + weave).clip(0, 255).astype(np.uint8)).convert("RGB")
    if name == "grain":
        y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(1, min(size)) * 100
        wave = np.sin(y * 2.2 + 2.2 * np.sin(x * 0.06) + 0.8 * np.sin(x * 0.17 + y * 0.2))
        return Image.fromarray((246 + 9 * wave).clip(0, 255).astype(np.uint8)).convert("RGB")
    if name == "dots":
        return _halftone(size)
    if name == "grout":
        cell = max(4, min(size) // 51)
        image = Image.new("L", size)
        draw = ImageDraw.Draw(image)
        for x in range(0, width, cell):
            draw.line((x, 0, x, height), 255, max(1, cell // 10))
        for y in range(0, height, cell):
            draw.line((0, y, width, y), 255, max(1, cell // 10))
        return image
    if name == "stitches":
        cell = max(4, min(size) // 64)
        y, x = np.mgrid[0:height, 0:width]
        u, v = x % cell, y % cell
        cross = np.minimum(np.abs(u - v), np.abs(u + v - cell + 1))
        return Image.fromarray((255 - np.clip(cross * 150 // cell, 0, 90)).astype(np.uint8)).convert("RGB")
    if name == "beads":
        cell = max(4, min(size) // 64)
        y, x = np.mgrid[0:height, 0:width]
        far = np.sqrt((x % cell - (cell - 1) / 2) ** 2 + (y % cell - (cell - 1) / 2) ** 2) > cell * 0.46
        return Image.fromarray((far * 255).astype(np.uint8))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)  # vignette
    far = ((x / max(width - 1, 1) - 0.5) ** 2 + (y / max(height - 1, 1) - 0.5) ** 2) * 2
    return Image.fromarray((255 * (1 - 0.72 * np.clip(far - 0.12, 0, 1))).astype(np.uint8)).convert("RGB")


def _uneven_edge(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    width, height = size
    small = Image.new("L", (96, 96), 255)
    draw = ImageDraw.Draw(small)
    points = []
    for i in range(44):
        angle = i / 44 * 6.283
        reach = 45 + rng.random() * 4
        points.append(
            (
                48 + np.clip(np.cos(angle) * reach * 1.28, -45, 45),
                48 + np.clip(np.sin(angle) * reach * 1.28, -45, 45),
            )
        )
    draw.polygon(points, 0)
    return small.filter(ImageFilter.GaussianBlur(1.2)).resize((width, height), Image.Resampling.BICUBIC)


def _halftone(size: tuple[int, int]) -> Image.Image:
    width, height = size
    cell = max(3, min(size) // 85)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = (x + y) / 1.414, (x - y) / 1.414
    far = np.hypot(u % cell - cell / 2, v % cell - cell / 2)
    return Image.fromarray(np.where(far < cell * 0.33, 205, 255).astype(np.uint8)).convert("RGB")


def style_picture(
    image: Image.Image, style: str, texture: Texture, cells: Callable[[str, tuple[int, int]], Cells]
) -> Image.Image:
    """The picture in the style."""
    if style in ("stained", "lowpoly"):
        return _pieces(image, style, cells)
    return STYLES[style](image, texture)


def _small(image: Image.Image, factor: int) -> Image.Image:
    return image.reduce(factor) if min(image.size) >= factor * 8 else image


def _watercolor(image: Image.Image, texture: Texture) -> Image.Image:
    soft = _small(image, 2).filter(ImageFilter.MedianFilter(5)).resize(image.size, Image.Resampling.BICUBIC)
    washed = Image.blend(Image.blend(soft, image, 0.3), Image.new("RGB", image.size, "white"), 0.12)
    washed = ImageChops.multiply(washed, texture("paper", image.size))
    washed.paste((252, 250, 244), mask=texture("edge", image.size))
    return washed


def _ink(image: Image.Image, texture: Texture) -> Image.Image:
    gray = ImageOps.autocontrast(_watercolor(image, texture).convert("L"), cutoff=1)
    return ImageOps.colorize(gray, "#16181C", "#F6F1E4", "#8A8B88")


def _pixel(image: Image.Image, texture: Texture) -> Image.Image:
    cell = max(2, min(image.size) // 72)
    small = image.resize((max(1, image.width // cell), max(1, image.height // cell)), Image.Resampling.BOX)
    return small.quantize(28, Image.Quantize.FASTOCTREE).convert("RGB").resize(image.size, Image.Resampling.NEAREST)


def _woodblock(image: Image.Image, texture: Texture) -> Image.Image:
    flat = ImageOps.posterize(image, 3).point(lambda v: min(255, v + 16))
    muted = ImageEnhance.Color(flat).enhance(0.75)
    paper = ImageChops.multiply(texture("grain", image.size), Image.new("RGB", image.size, "#F6E6C4"))
    return _framed(ImageChops.multiply(muted, paper), "#2B2A33", "#F3E3C0")


def _framed(image: Image.Image, line: str, paper: str) -> Image.Image:
    draw = ImageDraw.Draw(image)
    edge = max(2, min(image.size) // 40)
    draw.rectangle((0, 0, image.width - 1, image.height - 1), outline=paper, width=edge)
    draw.rectangle((edge, edge, image.width - 1 - edge, image.height - 1 - edge), outline=line, width=max(1, edge // 5))
    return image


def _oil(image: Image.Image, texture: Texture) -> Image.Image:
    soft = _small(image, 2).filter(ImageFilter.MedianFilter(5)).resize(image.size, Image.Resampling.BICUBIC)
    rich = ImageEnhance.Color(Image.blend(soft, image, 0.25)).enhance(1.25)
    return ImageChops.soft_light(rich, texture("canvas", image.size))


def _lines(image: Image.Image) -> Image.Image:
    gray = image.convert("L")
    blurred = ImageOps.invert(gray).filter(ImageFilter.BoxBlur(max(2, min(image.size) // 110)))
    lines = ImageChops.add(gray, blurred).point(lambda v: max(0, 255 - (255 - v) * 2))
    return ImageChops.multiply(lines, gray.point(lambda v: min(255, 60 + int(v * 1.2))))


def _sketch(image: Image.Image, texture: Texture) -> Image.Image:
    return ImageChops.multiply(ImageOps.colorize(_lines(image), "#2A2C33", "#FBF8F0"), texture("paper", image.size))


def _charcoal(image: Image.Image, texture: Texture) -> Image.Image:
    gray = ImageChops.blend(_lines(image), image.convert("L"), 0.4)
    return ImageChops.multiply(ImageOps.colorize(gray, "#0E0E10", "#EDE9E1"), texture("paper", image.size))


def _crayon(image: Image.Image, texture: Texture) -> Image.Image:
    pale = Image.blend(image, Image.new("RGB", image.size, "#FFF9EC"), 0.35)
    return ImageChops.hard_light(pale, texture("canvas", image.size))


def _chalk(image: Image.Image, texture: Texture) -> Image.Image:
    edges = ImageOps.invert(_lines(image)).point(lambda v: min(255, v * 2))
    coloured = ImageChops.multiply(ImageEnhance.Brightness(image).enhance(1.3), edges.convert("RGB"))
    return ImageChops.screen(Image.new("RGB", image.size, "#24332D"), coloured)


def _blueprint(image: Image.Image, texture: Texture) -> Image.Image:
    edges = ImageOps.invert(_lines(image)).point(lambda v: min(255, v * 2))
    result = ImageOps.colorize(edges, "#12448C", "#EAF4FF")
    draw = ImageDraw.Draw(result, "RGBA")
    step = max(8, min(image.size) // 16)
    for at in range(0, max(image.size), step):
        draw.line((at, 0, at, image.height), (255, 255, 255, 38))
        draw.line((0, at, image.width, at), (255, 255, 255, 38))
    return result


def _bw(image: Image.Image, texture: Texture) -> Image.Image:
    return ImageChops.multiply(
        ImageOps.autocontrast(image.convert("L"), cutoff=1).convert("RGB"), texture("vignette", image.size)
    )


def _sepia(image: Image.Image, texture: Texture) -> Image.Image:
    return ImageChops.multiply(
        ImageOps.colorize(image.convert("L"), "#2E1C0E", "#FBEFD6", "#A9855A"),
        texture("vignette", image.size),
    )


def _mosaic(image: Image.Image, texture: Texture) -> Image.Image:
    cell = max(4, min(image.size) // 51)
    columns, rows = -(-image.width // cell), -(-image.height // cell)
    padded = Image.new("RGB", (columns * cell, rows * cell))
    padded.paste(image)
    tiles = ImageEnhance.Color(padded.reduce(cell)).enhance(1.3).resize(padded.size, Image.Resampling.NEAREST)
    result = tiles.crop((0, 0, *image.size))
    result.paste((214, 206, 192), mask=texture("grout", image.size))
    return result


def _comic(image: Image.Image, texture: Texture) -> Image.Image:
    flat = ImageEnhance.Color(ImageOps.posterize(image, 3).point(lambda v: min(255, v + 18))).enhance(1.45)
    return _framed(ImageChops.multiply(flat, texture("dots", image.size)), "#101014", "#FFFFFF")


def _pointillism(image: Image.Image, texture: Texture) -> Image.Image:
    cell = max(4, min(image.size) // 64)
    columns, rows = -(-image.width // cell), -(-image.height // cell)
    padded = Image.new("RGB", (columns * cell, rows * cell))
    padded.paste(image)
    dots = (
        ImageEnhance.Color(padded.reduce(cell))
        .enhance(1.35)
        .resize(padded.size, Image.Resampling.NEAREST)
        .crop((0, 0, *image.size))
    )
    dots.paste((246, 240, 226), mask=texture("beads", image.size))
    return dots


def _embroidery(image: Image.Image, texture: Texture) -> Image.Image:
    cell = max(4, min(image.size) // 64)
    columns, rows = -(-image.width // cell), -(-image.height // cell)
    padded = Image.new("RGB", (columns * cell, rows * cell))
    padded.paste(image)
    cloth = padded.reduce(cell).resize(padded.size, Image.Resampling.NEAREST).crop((0, 0, *image.size))
    return ImageChops.multiply(cloth, texture("stitches", image.size))


def _negative(image: Image.Image, texture: Texture) -> Image.Image:
    return ImageOps.colorize(ImageOps.invert(image.convert("L")), "#04080F", "#D5F0FF", "#3F7FA8")


def _thermal(image: Image.Image, texture: Texture) -> Image.Image:
    return ImageOps.colorize(image.convert("L"), "#1A0A5C", "#FFF27A", "#E0402A")


def _vignette(image: Image.Image, texture: Texture) -> Image.Image:
    return ImageChops.multiply(ImageEnhance.Contrast(image).enhance(1.12), texture("vignette", image.size))


def _papercut(image: Image.Image, texture: Texture) -> Image.Image:
    flat = ImageOps.posterize(image, 3).point(lambda v: min(255, v + 20))
    edge = flat.convert("L").filter(ImageFilter.EMBOSS).convert("RGB")
    return ImageChops.multiply(ImageChops.soft_light(flat, edge), texture("paper", image.size))


def _same(image: Image.Image, texture: Texture) -> Image.Image:
    return image


#: "bokeh" is not here: it blurs the background alone, before anything stands in front of it
STYLES: dict[str, Callable[[Image.Image, Texture], Image.Image]] = {
    "watercolor": _watercolor, "ink": _ink, "pixel": _pixel, "woodblock": _woodblock, "oil": _oil,
    "sketch": _sketch, "charcoal": _charcoal, "crayon": _crayon, "chalk": _chalk, "blueprint":
    _blueprint, "bw": _bw, "sepia": _sepia, "mosaic": _mosaic, "comic": _comic, "pointillism":
    _pointillism, "embroidery": _embroidery, "negative": _negative, "thermal": _thermal, "vignette":
    _vignette, "papercut": _papercut, "bokeh": _same,
}  # fmt: skip


class Cells:
    """A division of the canvas into pieces, each of which takes one colour."""

    def __init__(self, style: str, size: tuple[int, int]) -> None:
        width, height = size[0], size[1]
        step = max(6, min(size) // (26 if style == "stained" else 44))
        rng = np.random.default_rng(3)
        columns, rows = width // step + 3, height // step + 3
        grid_y, grid_x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        amount = 0.8 if style == "stained" else 0.55
        points_x = (grid_x - 1 + rng.random((rows, columns)) * amount) * step
        points_y = (grid_y - 1 + rng.random((rows, columns)) * amount) * step
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        home_y, home_x = (y // step).astype(int) + 1, (x // step).astype(int) + 1
        best = np.full((height, width), np.inf, dtype=np.float32)
        label = np.zeros((height, width), dtype=np.int32)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                row, column = (home_y + dy).clip(0, rows - 1), (home_x + dx).clip(0, columns - 1)
                far = (points_x[row, column] - x) ** 2 + (points_y[row, column] - y) ** 2
                nearer = far < best
                best = np.where(nearer, far, best)
                label = np.where(nearer, row * columns + column, label)
        self.label = label
        self.count = rows * columns
        self.sample_x = points_x.ravel().clip(0, width - 1).astype(int)
        self.sample_y = points_y.ravel().clip(0, height - 1).astype(int)
        edge = np.zeros((height, width), dtype=bool)
        edge[:, 1:] |= label[:, 1:] != label[:, :-1]
        edge[1:] |= label[1:] != label[:-1]
        lead = Image.fromarray((edge * 255).astype(np.uint8))
        self.lead = lead.filter(ImageFilter.MaxFilter(3)) if min(size) >= 256 else lead

    @property
    def nbytes(self) -> int:
        return int(self.label.nbytes) + self.label.size


def _pieces(image: Image.Image, style: str, cells: Callable[[str, tuple[int, int]], Cells]) -> Image.Image:
    division = cells(style, image.size)
    pixels = np.asarray(image.filter(ImageFilter.BoxBlur(max(1, min(image.size) // 128))))
    colours = pixels[division.sample_y, division.sample_x]
    result = Image.fromarray(colours[division.label])
    if style == "stained":
        result = ImageEnhance.Color(ImageEnhance.Brightness(result).enhance(1.12)).enhance(1.6)
        result.paste((22, 20, 26), mask=division.lead)
    return result
