"""Rooms, furnished."""

from __future__ import annotations

from synth.backends.render.preview.painter import Painter
from synth.backends.render.preview.scenes.scene import Scene, Setting


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


def _studio(p: Painter, v: int) -> None:
    top, bottom = (("#F6E7CF", "#EBC998"), ("#DDEBF5", "#A9CCE6"), ("#E6F0DC", "#B5D69B"))[v]
    p.gradient(top, bottom, 0, 0.74)
    p.gradient(bottom, top, 0.74, 1)
    p.disc(0.5, 0.46, 0.4, top)


_ROOM = Setting(0.92, outdoors=False)
SCENES = {
    "room": Scene(_room, _ROOM),
    "kitchen": Scene(_kitchen, _ROOM),
    "bathroom": Scene(_bathroom, _ROOM),
    "restaurant": Scene(_restaurant, Setting(0.86, outdoors=False)),
    "stage": Scene(_stage, Setting(0.9, outdoors=False, dark=True)),
    "workshop": Scene(_workshop, _ROOM),
    "office": Scene(_office, _ROOM),
    "classroom": Scene(_classroom, _ROOM),
    "library": Scene(_library, _ROOM),
    "museum": Scene(_museum, _ROOM),
    "hospital": Scene(_hospital, _ROOM),
    "shop": Scene(_shop, _ROOM),
    "gym": Scene(_gym, _ROOM),
    "studio": Scene(_studio, Setting(0.88, outdoors=False)),
}
