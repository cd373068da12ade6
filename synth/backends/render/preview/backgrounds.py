"""Where it happens: scenes painted from gradients and simple shapes.

Every scene is a function of a `Painter`, which speaks in fractions of the canvas, so one
description serves every size. A scene has a few variants (the seed chooses), and scene, variant,
light and size together are cached by the caller.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

VARIANTS = 3
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Setting:
    """How the composer treats a scene: where the ground is, whether there is a sky."""

    ground: float = 0.9
    outdoors: bool = True
    weightless: bool = False
    dark: bool = False


class Painter:
    """Draws in fractions of the canvas. Twice the size, then reduced, where that is affordable."""

    def __init__(self, width: int, height: int, seed: str) -> None:
        self.factor = 2 if max(width, height) <= 1024 else 1
        self.out = width, height
        self.width, self.height = width * self.factor, height * self.factor
        self.image = Image.new("RGB", (self.width, self.height), "white")
        self.draw = ImageDraw.Draw(self.image)
        self.rng = random.Random(seed)
        self.unit = min(self.width, self.height)

    def finish(self) -> Image.Image:
        return self.image.reduce(self.factor) if self.factor > 1 else self.image

    def gradient(self, top: str, bottom: str, y0: float = 0, y1: float = 1) -> None:
        start, end = round(y0 * self.height), round(y1 * self.height)
        if end <= start:
            return
        a, b = _rgb(top), _rgb(bottom)
        mask = Image.linear_gradient("L").resize((1, end - start))
        column = Image.composite(Image.new("RGB", mask.size, b), Image.new("RGB", mask.size, a), mask)
        block = column.resize((self.width, end - start), Image.Resampling.NEAREST)
        self.image.paste(block, (0, start))

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: str, radius: float = 0) -> None:
        corners = (
            x0 * self.width,
            y0 * self.height,
            max(x0 * self.width, x1 * self.width),
            max(y0 * self.height, y1 * self.height),
        )
        if radius:
            self.draw.rounded_rectangle(corners, radius * self.unit, colour)
        else:
            self.draw.rectangle(corners, colour)

    def poly(self, points: list[tuple[float, float]], colour: str) -> None:
        self.draw.polygon([(x * self.width, y * self.height) for x, y in points], colour)

    def disc(self, x: float, y: float, r: float, colour: str, flat: float = 1) -> None:
        """`r` in fractions of the shorter side."""
        rx, ry = r * self.unit, r * self.unit * flat
        self.draw.ellipse(
            (x * self.width - rx, y * self.height - ry, x * self.width + rx, y * self.height + ry), colour
        )

    def line(self, points: list[tuple[float, float]], colour: str, thick: float) -> None:
        scaled = [(x * self.width, y * self.height) for x, y in points]
        self.draw.line(scaled, colour, max(1, round(thick * self.unit)), joint="curve")

    def hills(self, base: float, height: float, waves: float, colour: str) -> None:
        phase = self.rng.random() * 6.28
        top = [
            (
                i / 40,
                base
                - height
                * (0.5 + 0.35 * math.sin(phase + i / 40 * waves) + 0.15 * math.sin(2.7 * phase + i / 17 * waves)),
            )
            for i in range(41)
        ]
        self.poly([(0, 1), *top, (1, 1)], colour)

    def peaks(self, base: float, height: float, count: int, colour: str, cap: str = "") -> None:
        for i in range(count):
            x = (i + 0.5) / count + self.rng.uniform(-0.08, 0.08)
            high = height * self.rng.uniform(0.65, 1)
            half = 0.75 / count
            self.poly([(x - half, base), (x, base - high), (x + half, base)], colour)
            if cap:
                self.poly(
                    [
                        (x - half * 0.28, base - high * 0.72),
                        (x, base - high),
                        (x + half * 0.28, base - high * 0.72),
                        (x + half * 0.1, base - high * 0.78),
                        (x, base - high * 0.69),
                        (x - half * 0.12, base - high * 0.79),
                    ],
                    cap,
                )

    def cloud(self, x: float, y: float, size: float, colour: str = "#FFFFFF") -> None:
        for dx, dy, r in (
            (-0.9, 0.1, 0.55),
            (0, -0.15, 0.8),
            (0.9, 0.1, 0.6),
            (0.4, 0.2, 0.6),
            (-0.4, 0.2, 0.6),
        ):
            self.disc(x + dx * size, y + dy * size, r * size, colour, 0.75)

    def clouds(self, count: int = 3, colour: str = "#FFFFFF") -> None:
        for i in range(count):
            self.cloud(
                (i + self.rng.uniform(0.2, 0.8)) / count,
                self.rng.uniform(0.08, 0.26),
                self.rng.uniform(0.05, 0.085),
                colour,
            )

    def tree(self, x: float, y: float, size: float, leaf: str, trunk: str = "#7A5434") -> None:
        self.box(x - size * 0.07, y - size * 0.5, x + size * 0.07, y, trunk)
        for dx, dy, r in ((0, -0.85, 0.36), (-0.24, -0.62, 0.28), (0.24, -0.62, 0.28)):
            self.disc(x + dx * size, y + dy * size, r * size, leaf)

    def fir(self, x: float, y: float, size: float, leaf: str, trunk: str = "#5E4028") -> None:
        self.box(x - size * 0.04, y - size * 0.2, x + size * 0.04, y, trunk)
        for level in range(3):
            top = y - size * (1 - 0.02 * level) + level * size * 0.22
            self.poly(
                [
                    (x - size * (0.17 + 0.07 * level), top + size * 0.4),
                    (x, top),
                    (x + size * (0.17 + 0.07 * level), top + size * 0.4),
                ],
                leaf,
            )

    def planks(self, y0: float, light: str, dark: str) -> None:
        """A floor of boards that run towards the viewer."""
        self.gradient(dark, light, y0, 1)
        for i in range(-9, 10):
            self.line([(0.5 + i * 0.07, y0), (0.5 + i * 0.19, 1)], dark, 0.004)

    def tiles(self, y0: float, one: str, two: str) -> None:
        self.box(0, y0, 1, 1, one)
        rows = [y0 + (1 - y0) * t for t in (0, 0.16, 0.38, 0.66, 1.0)]
        for row in range(4):
            for i in range(-8, 9):
                if (i + row) % 2:
                    near, far = 0.09 + 0.14 * _part(rows[row], y0), 0.09 + 0.14 * _part(rows[row + 1], y0)
                    self.poly(
                        [
                            (0.5 + i * near, rows[row]),
                            (0.5 + (i + 1) * near, rows[row]),
                            (0.5 + (i + 1) * far, rows[row + 1]),
                            (0.5 + i * far, rows[row + 1]),
                        ],
                        two,
                    )

    def window(self, x: float, y: float, w: float, h: float, sky: str = "#BFE6FA", frame: str = "#FFFFFF") -> None:
        self.box(x, y, x + w, y + h, frame, 0.01)
        gap = 0.012
        for i in range(2):
            for j in range(2):
                self.box(
                    x + gap + i * (w - gap) / 2,
                    y + gap + j * (h - gap) / 2,
                    x + (i + 1) * (w - gap) / 2,
                    y + (j + 1) * (h - gap) / 2,
                    sky,
                )

    def houses(
        self, base: float, tall: float, colours: tuple[str, ...], pane: str = "#FFF3C4", roofs: bool = False
    ) -> None:
        x = -0.03
        while x < 1:
            w, high = self.rng.uniform(0.09, 0.17), tall * self.rng.uniform(0.55, 1)
            colour = self.rng.choice(colours)
            self.box(x, base - high, x + w, base, colour)
            if roofs:
                self.poly(
                    [(x - 0.01, base - high), (x + w / 2, base - high - 0.07), (x + w + 0.01, base - high)],
                    "#A9533F",
                )
            step = 0.042
            rows, columns = int(high / step) - 1, max(2, int(w / 0.038))
            for row in range(rows):
                for column in range(columns):
                    if self.rng.random() < 0.75:
                        left = x + (column + 0.28) * w / columns
                        top = base - high + (row + 0.5) * step
                        self.box(left, top, left + w / columns * 0.45, top + step * 0.5, pane)
            x += w + 0.004

    def dots(self, count: int, y0: float, y1: float, r: float, colours: tuple[str, ...]) -> None:
        for _ in range(count):
            self.disc(
                self.rng.random(),
                self.rng.uniform(y0, y1),
                r * self.rng.uniform(0.5, 1),
                self.rng.choice(colours),
            )


def _part(y: float, y0: float) -> float:
    return (y - y0) / (1 - y0)


def _rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def paint(scene: str, variant: int, width: int, height: int) -> Image.Image:
    """The scene as RGB; the same for the same arguments."""
    painter = Painter(width, height, f"{scene}/{variant}")
    SCENES[scene][0](painter, variant)
    return painter.finish()


def _room(p: Painter, v: int) -> None:
    wall = ("#F3DDC0", "#D5E5DA", "#E2DAEC")[v]
    shade = ("#E4C8A3", "#BFD5C7", "#CFC4DE")[v]
    p.gradient(wall, shade, 0, 0.68)
    p.poly([(0, 0), (0.16, 0.12), (0.16, 0.66), (0, 0.8)], shade)
    p.poly([(1, 0), (0.84, 0.12), (0.84, 0.66), (1, 0.8)], shade)
    p.gradient("#B98552", "#D9A870", 0.66, 1)
    for i in range(-9, 10):
        p.line([(0.5 + i * 0.042, 0.66), (0.5 + i * 0.17, 1)], "#A3703F", 0.004)
    p.poly([(0, 0.8), (0.16, 0.66), (0.16, 0.635), (0, 0.765)], "#FFFFFF")
    p.poly([(1, 0.8), (0.84, 0.66), (0.84, 0.635), (1, 0.765)], "#FFFFFF")
    p.box(0.16, 0.635, 0.84, 0.66, "#FFFFFF")
    p.window(0.23, 0.19, 0.19, 0.26)
    p.box(0.63, 0.22, 0.77, 0.38, "#8A5A3A")
    p.box(0.645, 0.235, 0.755, 0.365, ("#9FC9E8", "#F2B58C", "#B7D79B")[v])
    p.poly([(0.645, 0.365), (0.69, 0.29), (0.72, 0.33), (0.755, 0.3), (0.755, 0.365)], "#5E8C6A")
    p.disc(0.5, 0.9, 0.36, ("#C9694E", "#5E8FB5", "#8C6FB0")[v], 0.22)
    p.disc(0.5, 0.9, 0.31, ("#DE8C6E", "#83AFCF", "#A98FC7")[v], 0.22)


def _kitchen(p: Painter, v: int) -> None:
    p.gradient(("#FFF1D6", "#E6F3EE", "#FCE6DE")[v], ("#F6DFB4", "#CDE4DA", "#F2CDBF")[v], 0, 0.72)
    cupboard = ("#7FB3A6", "#D98F6A", "#8AA6C9")[v]
    for i in range(12):
        for j in range(3):
            p.box(i / 12 + 0.003, 0.36 + j * 0.055, (i + 1) / 12 - 0.003, 0.41 + j * 0.055, "#FFFFFF")
    for x in (0.02, 0.2, 0.66, 0.84):
        p.box(x, 0.06, x + 0.16, 0.28, cupboard, 0.012)
        p.disc(x + 0.13, 0.24, 0.009, "#F6E7B8")
    p.window(0.41, 0.07, 0.2, 0.24)
    p.box(0, 0.55, 1, 0.59, "#8A5A38")
    p.box(0, 0.59, 1, 0.75, cupboard)
    for i in range(1, 6):
        p.line([(i / 6, 0.6), (i / 6, 0.75)], "#5B7E78", 0.005)
    p.box(0.7, 0.5, 0.86, 0.75, "#D5D8DC", 0.012)
    p.box(0.725, 0.62, 0.835, 0.72, "#3E444C", 0.01)
    p.tiles(0.75, "#F4EFE6", "#D8CDBB")


def _bathroom(p: Painter, v: int) -> None:
    p.gradient("#E4F4F8", ("#BFE0EA", "#D3E8D4", "#EAD3DF")[v], 0, 0.72)
    for i in range(14):
        p.line([(i / 13, 0.3), (i / 13, 0.72)], "#FFFFFF", 0.004)
    for j in range(6):
        p.line([(0, 0.3 + j * 0.085), (1, 0.3 + j * 0.085)], "#FFFFFF", 0.004)
    p.box(0.1, 0.12, 0.32, 0.42, "#FFFFFF", 0.03)
    p.box(0.12, 0.14, 0.3, 0.4, "#CBE8F5", 0.025)
    p.box(0.07, 0.5, 0.35, 0.55, "#FFFFFF", 0.02)
    p.box(0.72, 0.2, 0.92, 0.23, "#B9C2C9")
    p.box(0.74, 0.22, 0.9, 0.46, ("#F2B5A0", "#8FC0D8", "#F5D98B")[v])
    p.tiles(0.72, "#FFFFFF", "#9CC7D6")


def _restaurant(p: Painter, v: int) -> None:
    p.gradient(("#7A4B3A", "#4F5D50", "#5B4A66")[v], ("#A9705A", "#7C8C78", "#85709A")[v], 0, 0.62)
    for x in (0.2, 0.5, 0.8):
        p.line([(x, 0), (x, 0.12)], "#33241C", 0.006)
        p.disc(x, 0.17, 0.1, "#B98A5E")
        p.disc(x, 0.17, 0.075, "#E0B06A")
        p.poly([(x - 0.06, 0.17), (x, 0.1), (x + 0.06, 0.17)], "#2E2620")
        p.disc(x, 0.172, 0.026, "#FFF2B8")
    for x in (0.08, 0.7):
        p.box(x, 0.3, x + 0.22, 0.46, "#3B2A22", 0.008)
        p.box(x + 0.015, 0.315, x + 0.205, 0.445, "#D9C7A0")
    p.box(0, 0.56, 1, 0.64, "#5A3825")
    p.gradient("#B97F4E", "#DDA96F", 0.66, 1)
    p.box(0, 0.64, 1, 0.67, "#E7BE8B")
    for y in (0.75, 0.84, 0.94):
        p.line([(0, y), (1, y)], "#A86F40", 0.005)


def _stage(p: Painter, v: int) -> None:
    p.gradient("#241A33", "#4A3163", 0, 0.75)
    for x, colour in ((0.2, "#5A4380"), (0.5, "#6B5296"), (0.8, "#5A4380")):
        p.poly(
            [
                (x - 0.03, 0),
                (x + 0.03, 0),
                (0.5 + (x - 0.5) * 0.5 + 0.24, 0.78),
                (0.5 + (x - 0.5) * 0.5 - 0.24, 0.78),
            ],
            colour,
        )
    p.poly([(0.46, 0), (0.54, 0), (0.74, 0.8), (0.26, 0.8)], "#8A72B8")
    p.gradient("#8A5733", "#B9793F", 0.74, 1)
    for i in range(-9, 10):
        p.line([(0.5 + i * 0.09, 0.74), (0.5 + i * 0.17, 1)], "#704425", 0.004)
    p.disc(0.5, 0.87, 0.36, "#D9A864", 0.22)
    curtain = ("#B3202E", "#1F5E8C", "#7A2A7E")[v]
    dark = ("#821522", "#143F61", "#561B59")[v]
    for side in (0, 1):
        for i in range(5):
            x = i * 0.035 if not side else 1 - (i + 1) * 0.035
            p.poly([(x, 0), (x + 0.035, 0), (x + 0.028, 0.8), (x + 0.003, 0.8)], curtain if i % 2 else dark)
    for i in range(12):
        p.disc((i + 0.5) / 12, 0.03, 0.055, curtain if i % 2 else dark, 1.1)


def _street(p: Painter, v: int) -> None:
    p.gradient("#8CCBF2", "#E6F5FC", 0, 0.6)
    p.clouds(2)
    p.houses(
        0.7,
        0.42,
        (
            ("#E3A27C", "#D9C08A", "#B5C7A8"),
            ("#C98C8C", "#9FB4C9", "#E0C9A0"),
            ("#F0D9A8", "#D98F6A", "#A9C2B0"),
        )[v],
        "#FDF6DD",
        True,
    )
    p.box(0, 0.7, 1, 0.77, "#C9C4BA")
    p.box(0, 0.765, 1, 0.775, "#A39E94")
    p.gradient("#6B6E75", "#7F828A", 0.775, 1)
    for i in range(6):
        p.poly(
            [(i * 0.2, 0.89), (i * 0.2 + 0.1, 0.89), (i * 0.2 + 0.085, 0.91), (i * 0.2 - 0.015, 0.91)],
            "#F5F1DF",
        )
    for x in (0.06, 0.93):
        p.box(x - 0.006, 0.42, x + 0.006, 0.72, "#44484F")
        p.disc(x, 0.41, 0.024, "#FFE9A6")


def _city(p: Painter, v: int) -> None:
    p.gradient(("#7DB9E8", "#F3B28A", "#9FC7D9")[v], "#EAF3F7", 0, 0.8)
    p.clouds(2)
    p.houses(0.78, 0.5, ("#A9BDD1", "#B7C8D9", "#9DB3C9"), "#D8E6F2")
    p.houses(0.84, 0.36, ("#6E86A3", "#7C94B0", "#607A99"), "#FFEFB5")
    p.gradient("#8B9098", "#A7ABB2", 0.83, 1)
    p.box(0, 0.83, 1, 0.845, "#C9CCD1")


def _meadow(p: Painter, v: int) -> None:
    p.gradient("#8FD0F5", "#E9F7FD", 0, 0.62)
    p.disc(0.84, 0.13, 0.06, "#FFE98A")
    p.clouds(3)
    p.hills(0.66, 0.16, 7, "#A7D59B")
    p.hills(0.72, 0.12, 5, ("#86C46E", "#93C76B", "#7EBF7C")[v])
    p.gradient("#7FC35D", "#5DA646", 0.7, 1)
    for x in (0.06, 0.14, 0.9):
        p.tree(x, 0.72, 0.19, "#4F9A4A")
    p.dots(60, 0.74, 0.99, 0.008, ("#FFFFFF", "#FFE36B", "#F48FB5", "#C7A7E0"))


def _farm(p: Painter, v: int) -> None:
    p.gradient("#9AD3F3", "#F3F8E4", 0, 0.6)
    p.clouds(3)
    p.hills(0.63, 0.1, 5, "#B5D48A")
    p.box(0.1, 0.4, 0.3, 0.62, "#B8402F")
    p.poly([(0.08, 0.41), (0.13, 0.31), (0.27, 0.31), (0.32, 0.41)], "#7E2A20")
    p.box(0.165, 0.49, 0.235, 0.62, "#F5EBDD")
    p.line([(0.165, 0.49), (0.235, 0.62)], "#B8402F", 0.008)
    p.line([(0.235, 0.49), (0.165, 0.62)], "#B8402F", 0.008)
    p.box(0.34, 0.36, 0.4, 0.62, "#C9CDD1", 0.02)
    field = (("#E3C252", "#D2AE3E"), ("#8FBF55", "#76A843"), ("#B08A55", "#9A7645"))[v]
    p.gradient(field[0], field[1], 0.62, 1)
    for i in range(-12, 13):
        p.line([(0.5 + i * 0.05, 0.62), (0.5 + i * 0.2, 1)], field[1] if v != 2 else "#7E5E35", 0.009)
    for i in range(9):
        p.box(i / 8 - 0.008, 0.6, i / 8 + 0.008, 0.69, "#F5EBDD")
    p.box(0, 0.625, 1, 0.637, "#F5EBDD")
    p.box(0, 0.66, 1, 0.672, "#F5EBDD")


def _forest(p: Painter, v: int) -> None:
    p.gradient("#CFE9D4", "#A5CFA0", 0, 0.7)
    for i in range(9):
        p.fir(i / 8 + p.rng.uniform(-0.04, 0.04), 0.7, p.rng.uniform(0.4, 0.55), "#8DBE93", "#8A9A7A")
    for i in range(7):
        p.fir(i / 6 + p.rng.uniform(-0.04, 0.04), 0.74, p.rng.uniform(0.5, 0.66), "#5C9C66")
    p.gradient("#6FA552", "#4C7F3D", 0.72, 1)
    p.poly([(0.44, 0.72), (0.56, 0.72), (0.86, 1), (0.14, 1)], "#B79B6B")
    for x in (0.03, 0.97):
        p.fir(x, 0.86, 0.78, "#35743F")
    p.dots(30, 0.76, 0.98, 0.011, ("#3F7236", "#7DB85A"))


def _jungle(p: Painter, v: int) -> None:
    p.gradient("#CDECC0", "#7FC08A", 0, 0.75)
    for i in range(9):
        x = i / 8 + p.rng.uniform(-0.05, 0.05)
        p.box(x - 0.012, 0.1, x + 0.012, 0.78, "#6E8F5A")
        p.disc(x, 0.1, 0.13, ("#5BA55E", "#69B26B", "#4F9A55")[i % 3], 0.7)
    p.gradient("#4F8F45", "#35702F", 0.74, 1)
    for x in (-0.02, 0.1, 0.9, 1.02):
        for angle in range(-4, 5):
            dx, dy = math.sin(angle * 0.36) * 0.22, math.cos(angle * 0.36) * 0.3
            p.poly(
                [
                    (x - 0.02, 0.92),
                    (x + dx * 0.6 - 0.03, 0.92 - dy * 0.6),
                    (x + dx, 0.92 - dy),
                    (x + dx * 0.6 + 0.03, 0.92 - dy * 0.55),
                    (x + 0.02, 0.92),
                ],
                ("#2F7D3B", "#3F9448")[angle % 2],
            )
    for x in (0.22, 0.74):
        p.line([(x, 0), (x + 0.03, 0.16), (x - 0.01, 0.34)], "#3F7D3A", 0.01)


def _desert(p: Painter, v: int) -> None:
    p.gradient("#7CC4EC", "#FCE8C3", 0, 0.62)
    p.disc(0.82, 0.15, 0.07, "#FFF0A8")
    for x, w in ((0.1, 0.12), (0.88, 0.16)):
        p.box(x - w / 2, 0.46, x + w / 2, 0.64, "#C98A5E")
        p.box(x - w / 2 + 0.02, 0.42, x + w / 2 - 0.03, 0.47, "#C98A5E")
    p.hills(0.66, 0.1, 5, "#E9B872")
    p.hills(0.75, 0.1, 4, "#E2AA5E")
    p.gradient("#E8B868", "#D89A4A", 0.76, 1)
    if v == 1:
        p.poly([(0.47, 0.66), (0.53, 0.66), (0.95, 1), (0.05, 1)], "#6F6A66")
        for y, w in ((0.7, 0.004), (0.77, 0.007), (0.86, 0.011), (0.96, 0.016)):
            p.poly([(0.5 - w, y), (0.5 + w, y), (0.5 + w * 1.2, y + 0.04), (0.5 - w * 1.2, y + 0.04)], "#F7E3A0")
    for x, size in ((0.17, 0.2), (0.93, 0.15)):
        p.box(x - size * 0.1, 0.76 - size, x + size * 0.1, 0.76, "#4F9A5A", 0.02)
        p.box(x - size * 0.38, 0.76 - size * 0.5, x, 0.76 - size * 0.36, "#4F9A5A", 0.012)
        p.box(x - size * 0.38, 0.76 - size * 0.75, x - size * 0.22, 0.76 - size * 0.36, "#4F9A5A", 0.012)


def _beach(p: Painter, v: int) -> None:
    p.gradient("#7FCBF3", "#DDF3FB", 0, 0.45)
    p.disc(0.15, 0.13, 0.065, "#FFEE9C")
    p.clouds(2)
    p.gradient("#2E93C9", "#7FD3DE", 0.45, 0.7)
    for y in (0.5, 0.55, 0.61):
        for i in range(6):
            x = i / 5 + p.rng.uniform(-0.06, 0.06)
            p.line([(x, y), (x + 0.07, y)], "#C9EEF5", 0.005)
    p.hills(0.74, 0.05, 6, "#FFFFFF")
    p.hills(0.76, 0.05, 6, "#F2DDA4")
    p.gradient("#F2DDA4", "#E3C27C", 0.76, 1)
    p.dots(40, 0.8, 0.99, 0.005, ("#CFAE6A", "#FFFFFF", "#F0A98C"))
    p.line([(0.93, 0.8), (0.91, 0.55), (0.93, 0.36)], "#8A6038", 0.024)
    for angle in (-2.2, -1.4, -0.5, 0.4, 1.3, 2.1):
        p.poly(
            [
                (0.93, 0.36),
                (0.93 + math.sin(angle) * 0.1, 0.3 - math.cos(angle) * 0.05),
                (0.93 + math.sin(angle) * 0.2, 0.38 - math.cos(angle) * 0.06),
            ],
            "#3F9A4C",
        )


def _sea(p: Painter, v: int) -> None:
    p.gradient("#86C9EF", "#E8F5FB", 0, 0.5)
    p.clouds(3)
    p.disc(0.8, 0.15, 0.06, "#FFEE9C")
    for i, colour in enumerate(("#4AA3D1", "#3B93C4", "#2C82B5", "#2273A6", "#1B6697")):
        base = 0.52 + i * 0.1
        top = [(j / 30, base + 0.012 * math.sin(j * 1.05 + i * 2 + v)) for j in range(31)]
        p.poly([(0, 1), *top, (1, 1)], colour)


def _lake(p: Painter, v: int) -> None:
    p.gradient("#9AD5F5", "#EAF7FB", 0, 0.55)
    p.clouds(2)
    p.peaks(0.56, 0.26, 4, "#9DB5C4", "#FFFFFF")
    p.hills(0.6, 0.1, 6, "#7DB56B")
    for i in range(8):
        p.fir(i / 7 + p.rng.uniform(-0.05, 0.05), 0.6, p.rng.uniform(0.12, 0.2), "#4A8A52")
    p.gradient("#5DB0D4", "#8FD3E6", 0.58, 1)
    for _ in range(16):
        x, y = p.rng.random(), p.rng.uniform(0.62, 0.97)
        p.line([(x, y), (x + 0.1, y)], "#BDE6F1", 0.005)
    p.hills(1.04, 0.1, 4, "#6FAE52")


def _underwater(p: Painter, v: int) -> None:
    p.gradient("#6FD3EC", "#0F5E96", 0, 1)
    for x in (0.15, 0.4, 0.65, 0.88):
        p.poly(
            [(x - 0.02, 0), (x + 0.05, 0), (x - 0.02, 0.85), (x - 0.16, 0.85)],
            "#67C3E0" if x < 0.5 else "#5DB9DA",
        )
    p.gradient("#3FA3CC", "#1A6FA6", 0.62, 0.86)
    p.hills(0.93, 0.08, 5, "#CDB98A")
    p.gradient("#D5C294", "#B79E6B", 0.9, 1)
    for x in (0.05, 0.12, 0.88, 0.95):
        tall = p.rng.uniform(0.2, 0.36)
        p.line(
            [(x + 0.015 * math.sin(i * 1.3), 0.94 - tall * i / 8) for i in range(9)],
            ("#2F9A62", "#3FAE70", "#2F8A5A")[v],
            0.022,
        )
    for x, colour in ((0.2, "#F2786B"), (0.8, "#F7A84A"), (0.74, "#D070B8")):
        for dx in (-0.03, 0, 0.03):
            p.line([(x, 0.95), (x + dx, 0.84)], colour, 0.018)
            p.disc(x + dx, 0.835, 0.016, colour)
    p.dots(26, 0.05, 0.85, 0.013, ("#BDEBF7", "#9FDDF0"))


def _mountains(p: Painter, v: int) -> None:
    p.gradient(("#7FC0EE", "#A9C9F0", "#8FD0EA")[v], "#EEF6FA", 0, 0.7)
    p.clouds(2)
    p.peaks(0.7, 0.5, 4, "#A9BCCB", "#FFFFFF")
    p.peaks(0.74, 0.36, 5, "#7F97A8", "#F3F8FB")
    p.hills(0.78, 0.1, 6, "#8DB677")
    p.gradient("#7DAA62", "#5E8C4B", 0.77, 1)
    for i in range(5):
        p.fir((0.03, 0.1, 0.17, 0.89, 0.96)[i], 0.82, p.rng.uniform(0.16, 0.24), "#3F7A4C")
    p.dots(14, 0.82, 0.98, 0.014, ("#A9A79F", "#8F8D86"))


def _snow(p: Painter, v: int) -> None:
    p.gradient(("#A9CDEB", "#C3D4E6", "#B9D9E8")[v], "#F3F8FC", 0, 0.65)
    p.peaks(0.66, 0.28, 4, "#BDD0E0", "#FFFFFF")
    for i in range(8):
        x, size = i / 7 + p.rng.uniform(-0.05, 0.05), p.rng.uniform(0.16, 0.26)
        p.fir(x, 0.7, size, "#6F9A8F")
        p.poly(
            [(x - size * 0.09, 0.7 - size * 0.8), (x, 0.7 - size), (x + size * 0.09, 0.7 - size * 0.8)],
            "#FFFFFF",
        )
    p.hills(0.74, 0.08, 5, "#E3EEF6")
    p.gradient("#EDF4FA", "#CFDFEC", 0.74, 1)
    p.dots(70, 0, 0.95, 0.008, ("#FFFFFF",))


def _sky(p: Painter, v: int) -> None:
    p.gradient(("#5BAEE8", "#6FB7EA", "#7AA9E6")[v], "#E3F3FC", 0, 1)
    p.disc(0.85, 0.14, 0.07, "#FFF0A0")
    for _ in range(7):
        p.cloud(
            p.rng.random(),
            p.rng.uniform(0.1, 0.95),
            p.rng.uniform(0.05, 0.11),
            p.rng.choice(("#FFFFFF", "#F3F9FD")),
        )
    for i in range(6):
        p.cloud(i / 5, 1.0, 0.12)


def _space(p: Painter, v: int) -> None:
    p.gradient("#0B1030", "#27194E", 0, 1)
    for i in range(9):
        p.disc(
            0.2 + 0.08 * i,
            0.75 - 0.07 * i + 0.03 * math.sin(i * 2),
            0.12,
            ("#221A52", "#2A1E5C", "#1F2458")[i % 3],
        )
    p.dots(150, 0, 1, 0.0045, ("#FFFFFF", "#FFF3C4", "#BFD7FF"))
    p.disc(0.16, 0.18, 0.09, ("#E28C5A", "#6FC2B5", "#C77FC9")[v])
    p.disc(0.14, 0.165, 0.03, ("#C9713F", "#57A99C", "#AD66B0")[v])
    p.disc(0.86, 0.86, 0.15, "#4A84C9")
    p.disc(0.83, 0.83, 0.06, "#6FB56B", 0.7)


def _moon(p: Painter, v: int) -> None:
    p.gradient("#080C22", "#1B2248", 0, 0.7)
    p.dots(120, 0, 0.65, 0.0045, ("#FFFFFF", "#FFF3C4"))
    p.disc(0.8, 0.2, 0.1, "#4A8FD6")
    p.disc(0.78, 0.18, 0.045, "#6FBF73", 0.7)
    p.hills(0.72, 0.1, 5, "#9EA1A8")
    p.gradient("#B3B6BC", "#8E9198", 0.7, 1)
    for _ in range(14):
        x, y, r = p.rng.random(), p.rng.uniform(0.74, 0.98), p.rng.uniform(0.02, 0.055)
        p.disc(x, y, r, "#84878E", 0.35)
        p.disc(x, y + 0.005, r * 0.85, "#A2A5AB", 0.33)


def _workshop(p: Painter, v: int) -> None:
    p.gradient(("#C9BBA6", "#AEB7BF", "#B8AFA8")[v], ("#A8977D", "#8C979F", "#978C83")[v], 0, 0.72)
    for j in range(8):
        for i in range(-1, 8):
            p.box(
                i / 7 + (j % 2) * 0.07 + 0.003,
                j * 0.09 + 0.003,
                i / 7 + 0.14 + (j % 2) * 0.07,
                (j + 1) * 0.09 - 0.003,
                ("#BCA98C", "#A2ACB5", "#ACA29A")[v],
            )
    p.box(0.06, 0.14, 0.36, 0.42, "#7A5A3A", 0.01)
    for i, tall in enumerate((0.15, 0.2, 0.12, 0.18)):
        x = 0.1 + i * 0.065
        p.box(x, 0.18, x + 0.014, 0.18 + tall, "#D5D8DC")
        p.box(x - 0.012, 0.17, x + 0.026, 0.205, ("#C0392B", "#3F6FA8", "#E0A020", "#4A4E55")[i])
    p.window(0.64, 0.12, 0.28, 0.24, "#DDECF3", "#5A6068")
    p.box(0, 0.56, 0.4, 0.6, "#8A5F35")
    p.box(0.03, 0.6, 0.06, 0.76, "#6B4827")
    p.box(0.34, 0.6, 0.37, 0.76, "#6B4827")
    p.gradient("#8C8F93", "#A6A9AD", 0.72, 1)
    for i in range(12):
        p.poly(
            [(i / 11, 0.955), (i / 11 + 0.045, 0.955), (i / 11 + 0.02, 0.985), (i / 11 - 0.025, 0.985)],
            "#E8BE2C",
        )


def _office(p: Painter, v: int) -> None:
    p.gradient("#EEF2F5", ("#D3DEE6", "#E2DBCF", "#D6E2DA")[v], 0, 0.72)
    for x in (0.05, 0.37, 0.69):
        p.box(x, 0.1, x + 0.27, 0.46, "#FFFFFF")
        p.box(x + 0.01, 0.115, x + 0.26, 0.445, "#BFE0F3")
        for i in range(4):
            p.box(
                x + 0.03 + i * 0.056,
                0.445 - (0.12, 0.2, 0.09, 0.16)[i],
                x + 0.075 + i * 0.056,
                0.445,
                "#9DB9CC",
            )
    p.box(0, 0.58, 1, 0.62, "#B98A5A")
    p.box(0.05, 0.62, 0.3, 0.76, "#D9DDE1")
    p.box(0.7, 0.62, 0.95, 0.76, "#D9DDE1")
    p.box(0.08, 0.46, 0.26, 0.57, "#3A4048", 0.008)
    p.box(0.09, 0.47, 0.25, 0.555, "#7FC3E6")
    p.gradient("#8FA2B0", "#A9BAC6", 0.74, 1)


def _classroom(p: Painter, v: int) -> None:
    p.gradient("#FBF0D8", "#EEDDB8", 0, 0.72)
    p.box(0.12, 0.1, 0.88, 0.5, "#9A6B3F", 0.01)
    p.box(0.14, 0.12, 0.86, 0.48, ("#2F6B4F", "#2F5A6B", "#3B4A45")[v])
    for y, w in ((0.18, 0.3), (0.24, 0.42), (0.3, 0.24)):
        p.line([(0.19, y), (0.19 + w, y)], "#D9EADF", 0.007)
    p.disc(0.73, 0.3, 0.06, "#D9EADF")
    p.disc(0.73, 0.3, 0.052, ("#2F6B4F", "#2F5A6B", "#3B4A45")[v])
    p.box(0, 0.66, 1, 0.69, "#C79A62")
    p.planks(0.69, "#D9AE78", "#B98B55")


def _library(p: Painter, v: int) -> None:
    p.box(0, 0, 1, 0.76, "#6B4527")
    spines = ("#B8402F", "#2F6B8C", "#3F7A4C", "#D9A53A", "#7A4A86", "#E8DCC0", "#444A55")
    for row in range(4):
        top, bottom = 0.03 + row * 0.18, 0.18 + row * 0.18
        p.box(0.02, top, 0.98, bottom, "#452B17")
        x = 0.03
        while x < 0.95:
            w = p.rng.uniform(0.016, 0.032)
            p.box(x, bottom - p.rng.uniform(0.09, 0.135), x + w, bottom, p.rng.choice(spines))
            x += w + 0.003
    for x in (0, 0.328, 0.656, 0.985):
        p.box(x, 0, x + 0.015, 0.76, "#8A5A33")
    p.planks(0.76, "#C08A52", "#9A6A3A")


def _museum(p: Painter, v: int) -> None:
    p.gradient(("#F1ECE4", "#E6EAF0", "#F0E6E2")[v], ("#DCD2C3", "#CDD5E0", "#DBC8C2")[v], 0, 0.74)
    for x in (0.04, 0.9):
        p.box(x, 0.1, x + 0.07, 0.74, "#FBF8F2")
        p.box(x - 0.015, 0.08, x + 0.085, 0.12, "#FFFFFF")
        p.box(x - 0.015, 0.71, x + 0.085, 0.75, "#FFFFFF")
        for i in range(3):
            p.line([(x + 0.015 + i * 0.02, 0.13), (x + 0.015 + i * 0.02, 0.7)], "#DDD5C8", 0.005)
    for x, colour in ((0.17, "#7FA8C9"), (0.66, "#D99A6A")):
        p.box(x, 0.18, x + 0.18, 0.42, "#C79A3E")
        p.box(x + 0.018, 0.198, x + 0.162, 0.402, colour)
        p.poly(
            [(x + 0.018, 0.402), (x + 0.07, 0.28), (x + 0.11, 0.35), (x + 0.162, 0.3), (x + 0.162, 0.402)],
            "#5B7F5E",
        )
    p.gradient("#C2B5A3", "#DDD3C5", 0.74, 1)
    for i in range(-8, 9):
        p.line([(0.5 + i * 0.1, 0.74), (0.5 + i * 0.22, 1)], "#B3A58F", 0.004)
    p.line([(0, 0.85), (1, 0.85)], "#B3A58F", 0.004)


def _hospital(p: Painter, v: int) -> None:
    p.gradient("#F0F8FA", ("#CFE6EA", "#D6E8DC", "#DDE2F0")[v], 0, 0.74)
    p.box(0, 0.5, 1, 0.53, "#7FBFC9")
    p.window(0.08, 0.12, 0.26, 0.26, "#C9E9F8")
    p.box(0.68, 0.1, 0.92, 0.3, "#FFFFFF", 0.012)
    p.line([(0.7, 0.2), (0.76, 0.2), (0.78, 0.14), (0.81, 0.26), (0.83, 0.2), (0.9, 0.2)], "#3FAE70", 0.008)
    p.box(0.45, 0.12, 0.55, 0.27, "#FFFFFF", 0.012)
    p.box(0.485, 0.145, 0.515, 0.245, "#E0403A")
    p.box(0.462, 0.18, 0.538, 0.21, "#E0403A")
    p.tiles(0.74, "#F7FBFC", "#CFE1E6")


def _shop(p: Painter, v: int) -> None:
    p.gradient("#FBF3E4", "#F0E0C6", 0, 0.74)
    bright = ("#E0564A", "#4A90C9", "#F2B632", "#5BAE62", "#9A62B5", "#F48FB5")
    for row in range(3):
        y = 0.29 + row * 0.16
        for column in range(16):
            x = 0.03 + column * 0.06
            tall = p.rng.uniform(0.06, 0.11)
            p.box(x, y - tall, x + 0.042, y, p.rng.choice(bright), 0.006)
        p.box(0, y, 1, y + 0.022, "#A9794A")
    for i in range(10):
        p.poly(
            [(i / 10, 0), ((i + 1) / 10, 0), ((i + 1) / 10, 0.11), (i / 10, 0.11)],
            ("#FFFFFF", ("#E0564A", "#4A90C9", "#5BAE62")[v])[i % 2],
        )
        p.disc((i + 0.5) / 10, 0.11, 0.05, ("#FFFFFF", ("#E0564A", "#4A90C9", "#5BAE62")[v])[i % 2], 0.7)
    p.tiles(0.76, "#F5EFE3", "#E2D3B8")


def _sports(p: Painter, v: int) -> None:
    p.gradient("#8CCBF2", "#DDF0FA", 0, 0.32)
    for row in range(5):
        p.box(0, 0.2 + row * 0.06, 1, 0.26 + row * 0.06, ("#6E7F94", "#7C8DA3")[row % 2])
        for i in range(40):
            p.disc(
                (i + 0.5 + (row % 2) / 2) / 40,
                0.225 + row * 0.06,
                0.011,
                p.rng.choice(("#F2C9A5", "#E0564A", "#FFFFFF", "#F2D24A", "#4A90C9", "#8A5A3A")),
            )
    p.box(0, 0.5, 1, 0.56, ("#3F6FA8", "#B8402F", "#3F8A5A")[v])
    grass = ("#5DB04F", "#52A346")
    if v == 1:
        p.gradient("#C9603F", "#B5502F", 0.56, 1)
        for i in range(-5, 6):
            p.line([(0.5 + i * 0.1, 0.56), (0.5 + i * 0.26, 1)], "#FFFFFF", 0.007)
        return
    for i in range(10):
        p.poly(
            [
                (0.5 + (i - 5) * 0.14, 0.56),
                (0.5 + (i - 4) * 0.14, 0.56),
                (0.5 + (i - 4) * 0.3, 1),
                (0.5 + (i - 5) * 0.3, 1),
            ],
            grass[i % 2],
        )
    p.line([(0, 0.66), (1, 0.66)], "#FFFFFF", 0.008)
    p.disc(0.5, 0.86, 0.34, "#FFFFFF", 0.26)
    p.disc(0.5, 0.86, 0.33, "#58A94A", 0.25)


def _gym(p: Painter, v: int) -> None:
    p.gradient("#E8E2D5", "#D3C8B3", 0, 0.72)
    for i in range(5):
        p.window(0.03 + i * 0.2, 0.06, 0.14, 0.14, "#CFE9F7", "#8A7A62")
    for i in range(9):
        p.line([(0.04, 0.28 + i * 0.045), (0.26, 0.28 + i * 0.045)], "#A9743F", 0.012)
    for x in (0.04, 0.15, 0.26):
        p.line([(x, 0.26), (x, 0.7)], "#7A5230", 0.014)
    p.box(0.66, 0.34, 0.94, 0.64, "#BFD9E6", 0.01)
    p.planks(0.72, "#E0B67C", "#C2935A")
    p.disc(0.5, 0.9, 0.34, ("#3F7FB5", "#B5483F", "#4F9A5A")[v], 0.2)


def _train(p: Painter, v: int) -> None:
    p.gradient("#D9DEE3", "#B9C2CA", 0, 0.7)
    p.box(0, 0.2, 1, 0.62, ("#C0392B", "#2F7FB5", "#E0A020")[v])
    p.box(0, 0.5, 1, 0.53, "#FFFFFF")
    for x in (0.03, 0.27, 0.62, 0.86):
        p.box(x, 0.26, x + 0.15, 0.44, "#BFE0F0", 0.015)
    p.box(0.46, 0.25, 0.55, 0.62, "#E8ECEF", 0.01)
    p.line([(0.505, 0.25), (0.505, 0.62)], "#8A939B", 0.006)
    p.box(0, 0.62, 1, 0.7, "#4A4E55")
    p.gradient("#A7A9AD", "#C6C8CB", 0.7, 1)
    p.box(0, 0.7, 1, 0.735, "#F2CF3A")


def _studio(p: Painter, v: int) -> None:
    top, bottom = (("#F6E7CF", "#EBC998"), ("#DDEBF5", "#A9CCE6"), ("#E6F0DC", "#B5D69B"))[v]
    p.gradient(top, bottom, 0, 0.74)
    p.gradient(bottom, top, 0.74, 1)
    p.disc(0.5, 0.46, 0.4, top)


def _cave(p: Painter, v: int) -> None:
    p.gradient("#3A3440", "#5E5360", 0, 1)
    p.disc(0.5, 0.5, 0.48, "#7A6C74")
    p.disc(0.5, 0.48, 0.38, "#9C8A86")
    p.disc(0.5, 0.45, 0.26, ("#D9C49A", "#A9D0D9", "#E0A070")[v])
    for i in range(12):
        x, tall = i / 11, p.rng.uniform(0.1, 0.26)
        p.poly([(x - 0.05, 0), (x, tall), (x + 0.05, 0)], "#2E2934")
    p.hills(0.84, 0.1, 6, "#4E454F")
    p.gradient("#544A55", "#3F3842", 0.8, 1)


_INDOORS = Setting(0.92, outdoors=False)
SCENES: dict[str, tuple[Callable[[Painter, int], None], Setting]] = {
    "room": (_room, _INDOORS),
    "kitchen": (_kitchen, _INDOORS),
    "bathroom": (_bathroom, _INDOORS),
    "restaurant": (_restaurant, Setting(0.86, outdoors=False)),
    "stage": (_stage, Setting(0.9, outdoors=False, dark=True)),
    "street": (_street, Setting(0.9)),
    "city": (_city, Setting(0.93)),
    "meadow": (_meadow, Setting()),
    "farm": (_farm, Setting()),
    "forest": (_forest, Setting()),
    "jungle": (_jungle, Setting()),
    "desert": (_desert, Setting()),
    "beach": (_beach, Setting()),
    "sea": (_sea, Setting(0.82)),
    "lake": (_lake, Setting(0.86)),
    "underwater": (_underwater, Setting(0.9, outdoors=False, weightless=True)),
    "mountains": (_mountains, Setting()),
    "snow": (_snow, Setting()),
    "sky": (_sky, Setting(0.9, weightless=True)),
    "space": (_space, Setting(0.9, outdoors=False, weightless=True, dark=True)),
    "moon": (_moon, Setting(0.9, outdoors=False, dark=True)),
    "workshop": (_workshop, _INDOORS),
    "office": (_office, _INDOORS),
    "classroom": (_classroom, _INDOORS),
    "library": (_library, _INDOORS),
    "museum": (_museum, _INDOORS),
    "hospital": (_hospital, _INDOORS),
    "shop": (_shop, _INDOORS),
    "sports": (_sports, Setting()),
    "gym": (_gym, _INDOORS),
    "train": (_train, _INDOORS),
    "studio": (_studio, Setting(0.88, outdoors=False)),
    "cave": (_cave, Setting(0.92, outdoors=False, dark=True)),
}
