"""Land that people have built on or grow things on."""

from __future__ import annotations

from synth.backends.render.preview.painter import Painter
from synth.backends.render.preview.scenes.scene import Scene, Setting


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


_ROOM = Setting(0.92, outdoors=False)
SCENES = {
    "street": Scene(_street, Setting(0.9)),
    "city": Scene(_city, Setting(0.93)),
    "farm": Scene(_farm, Setting()),
    "sports": Scene(_sports, Setting()),
    "train": Scene(_train, _ROOM),
}
