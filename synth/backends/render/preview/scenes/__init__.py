"""Where it happens: scenes painted from gradients and simple shapes.

A scene has a few variants (the seed chooses), and scene, variant, light and size together are cached by the caller.
"""

from __future__ import annotations

from PIL import Image

from synth.backends.render.preview.painter import Painter
from synth.backends.render.preview.scenes import elsewhere, indoors, nature, outdoors

VARIANTS = 3
SCENES = {**indoors.SCENES, **outdoors.SCENES, **nature.SCENES, **elsewhere.SCENES}


def paint(scene: str, variant: int, width: int, height: int, sunny: bool = True) -> Image.Image:
    """The scene as RGB; the same for the same arguments. Without its sun where the light is another's."""
    painter = Painter(width, height, f"{scene}/{variant}", sunny)
    SCENES[scene].paint(painter, variant)
    return painter.finish()
