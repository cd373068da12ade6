"""Where nobody stands on firm ground in daylight: above, below and beyond."""

from __future__ import annotations

import math

from synth.backends.render.preview.painter import Painter
from synth.backends.render.preview.scenes.scene import Scene, Setting


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


def _sky(p: Painter, v: int) -> None:
    p.gradient(("#5BAEE8", "#6FB7EA", "#7AA9E6")[v], "#E3F3FC", 0, 1)
    p.sun(0.85, 0.14, 0.07, "#FFF0A0")
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


SCENES = {
    "underwater": Scene(_underwater, Setting(0.9, outdoors=False, weightless=True)),
    "sky": Scene(_sky, Setting(0.9, weightless=True)),
    "space": Scene(_space, Setting(0.9, outdoors=False, weightless=True, dark=True)),
    "moon": Scene(_moon, Setting(0.9, outdoors=False, dark=True)),
    "cave": Scene(_cave, Setting(0.92, outdoors=False, dark=True)),
}
