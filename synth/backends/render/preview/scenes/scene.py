"""What a scene is to those who put things into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from synth.backends.render.preview.painter import Painter


@dataclass(frozen=True, slots=True)
class Setting:
    """How the composer treats a scene: where the ground is, whether there is a sky."""

    ground: float = 0.9
    outdoors: bool = True
    weightless: bool = False
    dark: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A place: how it is painted, in a few variants, and how things are put into it."""

    paint: Callable[[Painter, int], None]
    setting: Setting
