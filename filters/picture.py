"""Drops pictures that show nothing: all one colour, or nearly so.

Renderers fail quietly: a safety checker returns black, a half-precision overflow returns gray.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from synth.backends.render.base import Rendered
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Stage, Verdict


class PictureOptions(Record):
    min_deviation: float = Field(
        4.0, ge=0, le=128, description="smallest standard deviation of the brightness (0 to 255) of a picture"
    )


class Picture(Filter):
    """Fails blank pictures; the score is the lowest standard deviation of the brightness."""

    stages = ("image",)
    Options = PictureOptions
    options: PictureOptions
    again = frozenset({"min_deviation"})

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        return self._decide(min(_deviation(picture) for picture in pictures))

    def check_again(self, candidate: Candidate, said: Verdict | None) -> Result | None:
        return None if said is None or said.score is None else self._decide(said.score)

    def _decide(self, lowest: float) -> Result:
        if lowest < self.options.min_deviation:
            return failed("the picture is blank", lowest)
        return passed(lowest)


def _deviation(picture: Rendered) -> float:
    from PIL import ImageStat

    small = picture.image.convert("L").resize((64, 64))
    return round(ImageStat.Stat(small).stddev[0], 2)
