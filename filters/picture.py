"""Drops pictures that show nothing: all one colour, or nearly so, and those their renderer calls unusable.

Renderers fail quietly: a safety checker returns black, a half-precision overflow returns gray.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from synth.backends.render.base import BLANK_DEVIATION, Rendered
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Stage


class PictureOptions(Record):
    min_deviation: float = Field(
        BLANK_DEVIATION,
        ge=0,
        le=128,
        description="smallest standard deviation of the brightness (0 to 255) of a picture",
    )


class Picture(Filter):
    """Fails blank and flawed pictures; the score is the lowest standard deviation of the brightness."""

    stages = ("image",)
    Options = PictureOptions
    options: PictureOptions

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        lowest = min(_deviation(picture) for picture in pictures)
        flaw = next((picture.flaw for picture in pictures if picture.flaw), "")
        if flaw:
            return failed(flaw, lowest)
        if lowest < self.options.min_deviation:
            return failed("the picture is blank", lowest)
        return passed(lowest)


def _deviation(picture: Rendered) -> float:
    from PIL import ImageStat

    small = picture.image.convert("L").resize((64, 64))
    return round(ImageStat.Stat(small).stddev[0], 2)
