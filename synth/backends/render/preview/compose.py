"""From a storyboard to pixels: who stands where, how large, in which order it is painted.

Placement has one rule: the subject is large, central and on top; everything else gets a slot
beside or above it. All randomness comes from the request's seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources.abc import Traversable

from PIL import Image, ImageDraw, ImageFilter

from synth.backends.render.preview import treatments
from synth.backends.render.preview.cache import ByteCache
from synth.backends.render.preview.resolve import resolve
from synth.backends.render.preview.scenes import SCENES, VARIANTS, paint
from synth.backends.render.preview.scenes.scene import Setting
from synth.backends.render.preview.sprites import Gallery, Look, draw_text, step_size
from synth.backends.render.preview.storyboard import Actor, Storyboard
from synth.backends.render.preview.vocabulary import Lexicon

BACKGROUND_BUDGET = 128 << 20
MAIN_SIZE = {"": 0.58, "tiny": 0.2, "small": 0.4, "big": 0.68, "giant": 0.86}
#: how much of its share of the width one of a group may fill
_ELBOW = 0.94
#: how far rows are apart, in heights
_ROW = 1.05
_GROUND_SLOTS = (
    (0.145, 0.03, 0.26),
    (0.855, 0.03, 0.26),
    (0.12, -0.24, 0.2),
    (0.88, -0.24, 0.2),
    (0.3, 0.075, 0.17),
    (0.7, 0.075, 0.17),
)
_SKY_SLOTS = (
    (0.16, 0.2, 0.21),
    (0.84, 0.2, 0.21),
    (0.5, 0.11, 0.16),
    (0.12, 0.42, 0.16),
    (0.88, 0.42, 0.16),
    (0.33, 0.1, 0.14),
)
_ALONE_SLOTS = (
    (0.3, 0.0, 0.4),
    (0.71, 0.01, 0.36),
    (0.5, 0.05, 0.26),
    (0.12, 0.04, 0.22),
    (0.88, 0.04, 0.22),
    (0.5, -0.22, 0.2),
)


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a sprite stands: middle x and bottom y in pixels."""

    image: Image.Image
    x: float
    bottom: float


def _rows(count: int, most: int) -> list[int]:
    """How many of a group stand in each row of at most `most`, rear row first; never more than in the row before it."""
    rows = -(-count // most)
    return sorted(count // rows + (row < count % rows) for row in range(rows))


class Studio:
    """Paints pictures; holds the caches. Safe to use from several threads."""

    def __init__(self, folder: Traversable, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.gallery = Gallery(folder, lexicon.drawings)
        self._layers: ByteCache[Image.Image] = ByteCache(
            BACKGROUND_BUDGET, lambda i: i.width * i.height * len(i.getbands())
        )
        self._plain: ByteCache[Image.Image] = ByteCache(
            BACKGROUND_BUDGET, lambda i: i.width * i.height * len(i.getbands())
        )
        self._cells: ByteCache[treatments.Cells] = ByteCache(64 << 20, lambda cells: cells.nbytes)

    def picture(
        self, keywords: Sequence[str], seed: int, width: int, height: int
    ) -> tuple[Image.Image, tuple[str, ...]]:
        """The picture and the keywords that are in it."""
        board = resolve(keywords, seed, self.lexicon)
        rng = random.Random(seed ^ 0x5EED)
        setting = SCENES[board.scene].setting
        image = self._background(board, rng.randrange(VARIANTS), width, height, setting).copy()
        _Scene(self, image, board, setting, rng).play()
        for name in board.lights:
            if name in treatments.WEATHER and (setting.outdoors or name in ("fog", "spring")):
                image.paste(overlay := self._overlay(name, image.size), mask=overlay)
        if board.style:
            image = treatments.style_picture(image, board.style, self._texture, self._division)
        mark = self._mark(min(width, height))
        gap = max(2, min(width, height) // 64)
        image.paste(mark, (width - mark.width - gap, height - mark.height - gap), mark)
        return image, board.drawn

    def clear(self) -> None:
        self.gallery.clear()
        self._layers.clear()
        self._plain.clear()
        self._cells.clear()

    def _background(self, board: Storyboard, variant: int, width: int, height: int, setting: Setting) -> Image.Image:
        lights, blurred = tuple(board.lights[:2]), board.style == "bokeh"

        def make() -> Image.Image:
            sunny = not treatments.SUNLESS & set(lights)
            plain = self._plain.get(
                (board.scene, variant, width, height, sunny),
                lambda: paint(board.scene, variant, width, height, sunny),
            )
            image = plain.copy()
            if board.ground:
                image.paste(overlay := self._overlay(board.ground, image.size), mask=overlay)
            if blurred:
                image = image.filter(ImageFilter.GaussianBlur(min(width, height) / 60))
            return treatments.light_background(image, lights, board.wash, setting.outdoors or setting.weightless)

        key = board.scene, variant, width, height, lights, board.wash, board.ground, blurred
        return self._layers.get(key, make)

    def _overlay(self, name: str, size: tuple[int, int]) -> Image.Image:
        make = treatments.ground_overlay if name in treatments.GROUNDS else treatments.weather_overlay
        return self._layers.get(("overlay", name, size), lambda: make(name, size))

    def _texture(self, name: str, size: tuple[int, int]) -> Image.Image:
        return self._layers.get(("texture", name, size), lambda: treatments.make_texture(name, size))

    def _division(self, style: str, size: tuple[int, int]) -> treatments.Cells:
        return self._cells.get((style, size), lambda: treatments.Cells(style, size))

    def _mark(self, unit: int) -> Image.Image:
        return self._layers.get(("mark", unit), lambda: _mark(unit))


class _Scene:
    """One picture being painted."""

    def __init__(
        self, studio: Studio, image: Image.Image, board: Storyboard, setting: Setting, rng: random.Random
    ) -> None:
        self.gallery, self.lists = studio.gallery, studio.lexicon.lists
        self.image, self.board, self.setting, self.rng = image, board, setting, rng
        self.width, self.height = image.size
        self.unit = min(image.size)
        self.ground = setting.ground * self.height
        self.rims = setting.dark or bool({"night", "neon", "storm", "spotlight"} & set(board.lights))
        self.flip = rng.random() < 0.5

    def play(self) -> None:
        main = self.board.main
        related = {
            name: next((a for a in self.board.others if a.relation == name), None)
            for name in ("under", "around", "reference")
        }
        attached = [a for a in self.board.others if a.relation in ("top", "worn", "sides", "base")]
        staged = [a for a in related.values() if a] + attached if main else []
        others = [a for a in self.board.others if a not in staged]
        if main is None or main.count == 1:
            self._place_others(others)
        if main is None:
            return
        size = self._main_size(main, bool(related["under"] or related["around"]))
        bottom = self.ground + 0.02 * self.height
        in_sky = main.name in self.lists["skyborne"]
        lifted = "floating" in main.poses or "upside" in main.poses or in_sky
        aloft = lifted or (self.setting.weightless and not related["under"])
        middle, width = self.width * 0.5, float(self.width)
        if main.count > 1:
            middle, width = self._room_for_crowd(others)
        elif not any(related.values()):
            middle, share = self._room_beside_groups(others)
            size *= share
        if aloft:
            bottom = self.height * (0.3 if in_sky else 0.5) + size * 0.46
        if related["around"]:
            container = self._sprite(related["around"], self.unit * 0.76)
            self._stand(_Spot(container, middle, self.ground + 0.03 * self.height))
            small = main.size in ("tiny", "small")
            size, bottom = self.unit * 0.36, self.ground - container.height * (0.5 if small else 0.16)
        if related["under"]:
            flat = related["under"].name in self.lists["supports"]
            wide = main.count > 1
            share = 0.8 if flat else 0.68 if wide else 0.52 if main.size in ("tiny", "small") else 0.42
            support = self._sprite(related["under"], self.unit * share)
            foot = self.ground + 0.03 * self.height
            if flat:  # the feet of a table may be cut off
                foot = self.ground + min(0.17 * self.unit, support.height * 0.36)
            self._stand(_Spot(support, middle, foot))
            bottom = foot - support.height * (0.96 if flat else 0.6 if wide else 0.72)
            width = min(width, support.width)
            size = min(size, max(self.unit * 0.2, bottom - self.height * 0.03))
        if related["reference"]:
            middle, bottom = self._compare(main, related["reference"], middle, bottom)
        self._main(main, size, middle, width, bottom, aloft, attached)
        if main.count > 1:  # a crowd is wide: what is beside it stands in front
            self._place_others(others)

    # --- the subject

    def _main_size(self, main: Actor, shares: bool) -> float:
        size = MAIN_SIZE[main.size] * self.unit
        if shares:
            size *= 0.8
        return min(size, self.height * 0.88)

    def _room_for_crowd(self, others: list[Actor]) -> tuple[float, float]:
        """Middle and width of what others leave free, so that nobody of a crowd is hidden."""
        beside = sum(not self._high(actor) for actor in others)
        taken = 0.145 * self.width + 0.15 * self.unit
        free = 0.02 * self.width
        near, far = (taken if beside else free), (taken if beside > 1 else free)
        left, right = (far, self.width - near) if self.flip else (near, self.width - far)
        return (left + right) / 2, min(right - left, 1.25 * self.unit)

    def _room_beside_groups(self, others: list[Actor]) -> tuple[float, float]:
        """Middle and share of its size for a subject that would hide some of a group beside it."""
        groups = [actor.count > 1 for actor in others if not self._high(actor)][:2]
        if not any(groups):
            return self.width * 0.5, 1.0
        if all(groups) and len(groups) == 2:
            return self.width * 0.5, 0.6
        on_left = groups[0] != self.flip
        return self.width * (0.58 if on_left else 0.42), 0.8

    def _compare(self, main: Actor, other: Actor, middle: float, bottom: float) -> tuple[float, float]:
        """Beside a tiny subject its measure is huge, beside a giant one it is small."""
        if main.size in ("tiny", "small"):
            image = self._sprite(other, self.unit * 0.6)
            self._stand(_Spot(image, self.width * (0.36 if self.flip else 0.64), self.ground + 0.01 * self.height))
            return self.width * (0.68 if self.flip else 0.32), bottom + 0.02 * self.height
        image = self._sprite(other, self.unit * 0.24)
        for side in (0.12, 0.88):
            self._stand(_Spot(image, self.width * side, self.ground + 0.045 * self.height))
        return middle, bottom

    def _main(
        self, main: Actor, size: float, middle: float, width: float, bottom: float, aloft: bool, attached: list[Actor]
    ) -> None:
        if main.count > 1:
            supports = self.lists["supports"]
            on_table = any(actor.relation == "under" and actor.name in supports for actor in self.board.others)
            self._crowd(main, size, middle, width, bottom, aloft, on_table)
            return
        image = self._sprite(main, size, rim=True)
        if aloft:
            bottom = min(bottom, self.height * 0.5 + image.height / 2)
            self._shadow(middle, self.ground + 0.05 * self.height, image.width * 0.7)
        for actor in attached:
            if actor.relation == "sides":
                self._wings(actor, image, middle, bottom)
        if main.heads > 1:
            twin = self._sprite(main, size * 0.97, rim=True, mirrored=not self.flip)
            shift = image.width * 0.17
            self._stand(_Spot(twin, middle - shift * (1 if self.flip else -1), bottom), shadow=not aloft)
            middle += shift * (1 if self.flip else -1)
        self._stand(_Spot(image, middle, bottom), shadow=not aloft)
        if "mirrored" in main.poses:
            self._reflect(image, middle, bottom)
        for actor in attached:
            if actor.relation == "base":
                self._feet(actor, image, middle, bottom)
            elif actor.relation == "worn":
                cloth = self._sprite(actor, image.width * 0.5)
                self._stand(_Spot(cloth, middle, bottom - image.height * 0.24 + cloth.height), shadow=False)
            elif actor.relation == "top":
                hat = self._sprite(actor, max(self.unit * 0.16, image.width * 0.42))
                top = bottom - image.height + hat.height * 0.45
                self._stand(_Spot(hat, middle, max(top, hat.height)), shadow=False)

    def _crowd(
        self, main: Actor, size: float, middle: float, width: float, bottom: float, aloft: bool, on_table: bool
    ) -> None:
        """Several of a kind side by side over `width`, each to be counted."""
        most = 6 if on_table else max(3, -(-main.count // 2))  # what stands on a table stands in one row
        rows = _rows(main.count, most)
        each = size * (0.82 if len(rows) == 1 else 0.62)
        for spot in self._group(main, rows, each, middle, width, bottom, rim=True):
            lift = self.rng.uniform(-0.05, 0.02) * self.unit if aloft else 0
            self._stand(replace(spot, bottom=spot.bottom + lift), shadow=not aloft)

    def _group(
        self,
        actor: Actor,
        rows: list[int],
        size: float,
        middle: float,
        width: float,
        bottom: float,
        rim: bool,
    ) -> list[_Spot]:
        """Where the members of a group stand, rear row first: as large as `size` and their number allow."""
        room = width / max(rows)
        image = self._sprite(actor, size, rim)
        fits = min(room * _ELBOW / image.width, bottom / (len(rows) * _ROW * image.height))
        if fits < 1:
            size *= fits
            image = self._sprite(actor, size, rim)
        other = self._sprite(actor, size, rim, mirrored=not self.flip)
        spots = []
        for index, count in enumerate(rows):
            y = bottom - (len(rows) - 1 - index) * image.height * _ROW
            for place in range(count):
                x = middle + (place - (count - 1) / 2) * room
                spots.append(_Spot(image if (place + index) % 3 else other, x, y))
        return spots

    def _wings(self, actor: Actor, image: Image.Image, middle: float, bottom: float) -> None:
        for mirrored, side in ((False, -1), (True, 1)):
            wing = self._sprite(actor, image.height * 0.85, mirrored=mirrored)
            x = middle + side * (image.width * 0.3 + wing.width * 0.25)
            self._stand(_Spot(wing, x, bottom - image.height * 0.45), shadow=False)

    def _feet(self, actor: Actor, image: Image.Image, middle: float, bottom: float) -> None:
        count = max(2, min(actor.count, 6))
        foot = self._sprite(actor, min(self.unit * 0.16, image.width / count * 0.9))
        for place in range(count):
            x = middle + (place - (count - 1) / 2) * image.width * 0.8 / max(1, count - 1)
            self._stand(_Spot(foot, x, min(bottom + foot.height * 0.3, self.height * 0.99)), shadow=False)

    def _reflect(self, image: Image.Image, middle: float, bottom: float) -> None:
        room = self.height - int(bottom)
        if room > 2:
            flipped = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).crop(
                (0, 0, image.width, min(room, image.height))
            )
            mask = flipped.getchannel("A").point(lambda a: a // 3)
            self.image.paste(flipped, (round(middle - image.width / 2), int(bottom)), mask)

    # --- everything else

    def _place_others(self, others: list[Actor]) -> None:
        sky, ground = list(_SKY_SLOTS), list(_GROUND_SLOTS if self.board.main else _ALONE_SLOTS)
        if self.flip:
            sky = [(1 - x, y, size) for x, y, size in sky]
            ground = [(1 - x, y, size) for x, y, size in ground]
        spots: list[tuple[float, _Spot, bool]] = []
        for actor in others:
            high = self._high(actor) or (self.setting.weightless and len(ground) < len(sky))
            slots = sky if high and sky else ground or sky
            x, y, size = slots.pop(0)
            grow = {"tiny": 0.7, "small": 0.85, "giant": 1.25, "big": 1.15}.get(actor.size, 1)
            size *= grow * self.unit
            image = self._sprite(actor, size, rim=self.rims, mirrored=x > 0.5)
            x = x * self.width + self.rng.uniform(-0.012, 0.012) * self.width
            x = min(max(x, image.width * 0.45), self.width - image.width * 0.45)
            aloft = slots is sky
            bottom = y * self.height + image.height / 2 if aloft else self.ground + y * self.height
            if actor.count > 1:
                width = min(self.unit * (0.36 if self.board.main else 0.46), self.width * 0.46)
                x = min(max(x, width / 2), self.width - width / 2)
                rows = _rows(actor.count, 2 if actor.count <= 4 else 3)
                group = self._group(actor, rows, size, x, width, bottom, rim=self.rims)
            else:
                group = [_Spot(image, x, bottom)]
            spots += [(spot.bottom, spot, aloft) for spot in group]
        for _, spot, aloft in sorted(spots, key=lambda item: item[0]):
            self._stand(spot, shadow=not aloft and not self.setting.weightless)

    def _high(self, actor: Actor) -> bool:
        return actor.name in self.lists["aerial"] or "floating" in actor.poses

    # --- primitives

    def _sprite(self, actor: Actor, size: float, rim: bool = False, mirrored: bool | None = None) -> Image.Image:
        pixels = step_size(size)
        if not actor.picture:
            return self.gallery.card(actor.label, pixels)
        look = Look(
            actor.picture, actor.tint, actor.material, self.flip if mirrored is None else mirrored,
            "upside" in actor.poses, "tilted" in actor.poses, actor.gray, rim,
            actor.treatments, actor.rising,
        )  # fmt: skip
        return self.gallery.sprite(look, pixels)

    def _stand(self, spot: _Spot, shadow: bool = True) -> None:
        if shadow and not self.setting.weightless:
            self._shadow(spot.x, spot.bottom, spot.image.width)
        self.image.paste(
            spot.image,
            (round(spot.x - spot.image.width / 2), round(spot.bottom - spot.image.height)),
            spot.image,
        )

    def _shadow(self, x: float, y: float, width: float) -> None:
        wide = step_size(width * 1.05)
        mask = self.gallery.shadow(wide, max(4, wide // 6))
        self.image.paste((10, 12, 24), (round(x - mask.width / 2), round(y - mask.height * 0.6)), mask)


def _mark(unit: int) -> Image.Image:
    height = max(7, round(unit * 0.036))
    width = round(height * 3.9)
    image = Image.new("RGBA", (width, height))
    ImageDraw.Draw(image).rounded_rectangle((0, 0, width - 1, height - 1), height // 2, (255, 255, 255, 205))
    draw_text(image, ["preview"], (height // 3, 0, width - height // 3, height), (70, 74, 84))
    return image
