"""Several pictures as one, for trainers that know one per sample.

The pictures stand in reading order, left to right and then down: `ceil(sqrt(n))` a row, so 2 side by side,
3 and 4 as two rows of two. A vision encoder sees a square (336 pixels in LLaVA-1.5), in which four in a row
would have a quarter of the pixels that they have as two by two. What they leave of the square is white:
LLaVA without `--image_aspect_ratio pad` cuts out the middle square and would lose what is outside it.
They have no numbers: texts say "the second image", which reading order tells, and what a model is asked later has
none. All have the height of the lowest, so that none is enlarged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from synth.errors import SynthError
from synth.flow.marks import COMPOSITE, Synthetic
from synth.flow.pictures import Marks, write_picture
from synth.records import IMAGE_PLACEHOLDER, Image, Sample, Turn

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

#: beside `images/`, so that no collage can have the path of a picture of the run
COLLAGES = "collages"
_LONGEST_SIDE = 1024
#: a gap is this part of the pictures' height; it must outlast the way down to the encoder's 336 pixels
_GAP = 1 / 24
_QUALITY = 95
#: of each prompt; a JPEG has room for 64 KB of such texts
_LONGEST_PROMPT = 4000
_LEADING = re.compile(rf"\A\s*(?:{IMAGE_PLACEHOLDER}\s*)+")


def columns(pictures: int) -> int:
    """How many pictures of so many stand in a row."""
    return math.ceil(math.sqrt(pictures))


def collage_of(files: Sequence[Path]) -> PILImage:
    """The pictures of `files` in one, RGB, a square of at most 1024 pixels a side.

    Raises:
        SynthError: a file is not a readable picture.
    """
    from PIL import Image as PILImages
    from PIL import ImageOps

    pictures = []
    for file in files:
        try:
            with PILImages.open(file) as opened:
                pictures.append(ImageOps.exif_transpose(opened).convert("RGB"))
        except (OSError, ValueError, SyntaxError, PILImages.DecompressionBombError) as error:
            raise SynthError(f"{file} is not a readable picture: {error}.", "Restore the picture.") from error
    in_row = columns(len(pictures))
    rows = [pictures[start : start + in_row] for start in range(0, len(pictures), in_row)]
    widest = max(sum(one.width / one.height for one in row) + (len(row) - 1) * _GAP for row in rows)
    tallest = len(rows) + (len(rows) - 1) * _GAP
    lowest = min(one.height for one in pictures)
    height = max(1, min(lowest, int(_LONGEST_SIDE / max(widest, tallest))))
    gap = int(height * _GAP)
    sizes = [[(max(1, int(height * one.width / one.height)), height) for one in row] for row in rows]
    across = max(sum(size[0] for size in row) + (len(row) - 1) * gap for row in sizes)
    down = len(rows) * (height + gap) - gap
    side = max(across, down)
    made = PILImages.new("RGB", (side, side), "white")
    top = (side - down) // 2
    for row, row_sizes in zip(rows, sizes, strict=True):
        left = (side - across) // 2
        for one, size in zip(row, row_sizes, strict=True):
            made.paste(one.resize(size, PILImages.Resampling.LANCZOS), (left, top))
            left += size[0] + gap
        top += height + gap
    return made


def write_collage(folder: Path, sample: Sample, collage: PILImage, attribution: str) -> Image:
    """Write the collage of a sample's pictures under a name of its own; it says, as they do, what it is made of."""
    prompts = [image.prompt[:_LONGEST_PROMPT] for image in sample.images]
    origins = {image.origin for image in sample.images}
    what = "previews" if "preview" in origins else "synthetic images" if origins == {"rendered"} else "images"
    told = " | ".join(prompts)
    marks = Marks(
        f"collage of {what} of: {told}", attribution, _made_by(sample, told) if "rendered" in origins else None
    )
    first = sample.images[0]
    path = _free_path(folder, PurePosixPath(first.path or ""))
    write_picture(folder, path, collage, marks, _QUALITY)
    return replace(first, path=path, prompt=told, width=collage.width, height=collage.height)


def one_placeholder(turns: Sequence[Turn]) -> list[Turn]:
    """The turns with a single `<image>`, at the very start.

    Raises:
        SynthError: a placeholder that does not stand at the start of a turn with text; without it, the
            text would have a hole.
    """
    texts = [_LEADING.sub("", turn.text) for turn in turns]
    if any(IMAGE_PLACEHOLDER in text or not text for text in texts):
        raise SynthError(
            f"it has {IMAGE_PLACEHOLDER} within a text or as a whole turn, and a collage keeps only one, at the start.",
            "Choose a format for several images, such as llava-next or llama-factory.",
        )
    texts[0] = f"{IMAGE_PLACEHOLDER}\n{texts[0]}"
    return [replace(turn, text=text) for turn, text in zip(turns, texts, strict=True)]


def _made_by(sample: Sample, prompt: str) -> Synthetic | None:
    """The model that drew the pictures, as the row names it."""
    renderer = sample.provenance.get("renderer")
    said = renderer if isinstance(renderer, dict) else {}
    name, model, revision = (str(said.get(key) or "") for key in ("name", "model", "revision"))
    return Synthetic(name, model, revision, prompt, seed=None, source_type=COMPOSITE) if model else None


def _free_path(folder: Path, first: PurePosixPath) -> str:
    """`collages/` and the path of the first picture; samples that share a picture get numbers."""
    wanted = PurePosixPath(COLLAGES, *first.parts[1:]).with_suffix(".jpg")
    path, number = wanted, 1
    while (folder / path).exists():
        number += 1
        path = wanted.with_stem(f"{wanted.stem}-{number}")
    return path.as_posix()
