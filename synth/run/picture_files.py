"""From the picture path in a row to a file that may be opened, and what that file says of itself.

Paths come from `dataset.jsonl` or the ledger, so from a file that anyone may have edited or sent:
nothing outside the run's `images/` folder is ever read, whatever a row says.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from synth.errors import SynthError
from synth.flow.pictures import FOLDER

_COPYRIGHT = 0x8298
_LONGEST = 1024


def picture_file(run: Path, path: str) -> Path:
    """The file a row's picture path means, with symbolic links resolved.

    Raises:
        SynthError: the path leads out of the run's `images/`, or there is no such file.
    """
    shown = repr(path if len(path) <= 200 else f"{path[:200]}...")
    parts = PurePosixPath(path).parts
    if (
        len(path) > _LONGEST
        or len(parts) < 2
        or parts[0] != FOLDER
        or ".." in parts
        or not path.isprintable()
        or "\\" in path
    ):
        raise SynthError(
            f"the picture path {shown} is not a path below {FOLDER}/ of the run.",
            "A picture's path is relative to the run folder; correct the row or make the data set anew.",
        )
    try:
        real = run.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise SynthError(
            f"the picture {shown} does not exist in {run}.",
            again(run),
        ) from error
    if not real.is_relative_to(run.resolve()):
        raise SynthError(
            f"the picture {shown} is a link that leads out of {run}.", "Put the picture itself in its place."
        )
    if not real.is_file():
        raise SynthError(f"the picture {shown} is not a file.", "Restore the picture.")
    if not real.stat().st_size:
        raise SynthError(f"the picture {shown} in {run} is an empty file.", again(run))
    return real


def again(run: Path) -> str:
    """What to do about a picture that is gone or damaged."""
    return f"'synth render {run}' renders it again; or restore the file, or remove its row from the data set."


def attribution_of(run: Path, picture: Path) -> str:
    """Who made the parts of a picture and under which licence, as its EXIF copyright field says.

    The renderer wrote it there, so it is known even where the renderer is not installed.

    Raises:
        SynthError: the file is not a picture.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(picture) as image:
            text = image.getexif().get(_COPYRIGHT, "")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise SynthError(f"{picture} is not a readable picture: {error}.", again(run)) from error
    return " ".join(str(text).replace("\0", " ").split())[:500]
