"""Land and water as they are, under a sky."""

from __future__ import annotations

import math

from synth.backends.render.preview.painter import Painter
from synth.backends.render.preview.scenes.scene import Scene, Setting


def _meadow(p: Painter, v: int) -> None:
    p.gradient("#8FD0F5", "#E9F7FD", 0, 0.62)
    p.sun(0.84, 0.13, 0.06, "#FFE98A")
    p.clouds(3)
    p.hills(0.66, 0.16, 7, "#A7D59B")
    p.hills(0.72, 0.12, 5, ("#86C46E", "#93C76B", "#7EBF7C")[v])
    p.gradient("#7FC35D", "#5DA646", 0.7, 1)
    for x in (0.06, 0.14, 0.9):
        p.tree(x, 0.72, 0.19, "#4F9A4A")
    p.dots(60, 0.74, 0.99, 0.008, ("#FFFFFF", "#FFE36B", "#F48FB5", "#C7A7E0"))


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
    p.sun(0.82, 0.15, 0.07, "#FFF0A8")
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
    p.sun(0.15, 0.13, 0.065, "#FFEE9C")
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
    p.sun(0.8, 0.15, 0.06, "#FFEE9C")
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


SCENES = {
    "meadow": Scene(_meadow, Setting()),
    "forest": Scene(_forest, Setting()),
    "jungle": Scene(_jungle, Setting()),
    "desert": Scene(_desert, Setting()),
    "beach": Scene(_beach, Setting()),
    "sea": Scene(_sea, Setting(0.82)),
    "lake": Scene(_lake, Setting(0.86)),
    "mountains": Scene(_mountains, Setting()),
    "snow": Scene(_snow, Setting()),
}
