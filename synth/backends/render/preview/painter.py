"""Draws simple shapes in fractions of the canvas, so that one description of a scene serves every size."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]


class Painter:
    """Draws in fractions of the canvas. Twice the size, then reduced, where that is affordable."""

    def __init__(self, width: int, height: int, seed: str, sunny: bool) -> None:
        self.factor = 2 if max(width, height) <= 1024 else 1
        self.out = width, height
        self.width, self.height = width * self.factor, height * self.factor
        self.image = Image.new("RGB", (self.width, self.height), "white")
        self.draw = ImageDraw.Draw(self.image)
        self.rng = random.Random(seed)
        self.unit = min(self.width, self.height)
        self.sunny = sunny

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

    def sun(self, x: float, y: float, r: float, colour: str) -> None:
        if self.sunny:
            self.disc(x, y, r, colour)

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
