"""Drops pictures that show nothing: all one colour, or nearly so, and those their renderer calls unusable.

Renderers fail quietly: a safety checker returns black, a half-precision overflow returns gray.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from synth.backends.render.base import BLANK_DEVIATION, Rendered
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Stage, Verdict

_BLANK = "the picture is blank"


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
    again = frozenset({"min_deviation"})

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        deviations = [_deviation(picture) for picture in pictures]
        lowest = min(deviations)
        for number, picture in enumerate(pictures):
            if picture.flaw:
                return failed(picture.flaw, deviations[number], picture=number)
        return self._decide(lowest, deviations.index(lowest))

    def check_again(self, candidate: Candidate, said: Verdict | None) -> Result | None:
        if said is None or said.score is None:
            return None
        if said.outcome == "fail" and said.reason != _BLANK:  # flawed, however it looks
            return failed(said.reason, said.score, said.picture)
        return self._decide(said.score, said.picture)

    def _decide(self, lowest: float, picture: int | None) -> Result:
        """`picture` is the one that deviates least, where that is known."""
        if lowest < self.options.min_deviation:
            return failed(_BLANK, lowest, picture)
        return passed(lowest)


def _deviation(picture: Rendered) -> float:
    from PIL import ImageStat

    small = picture.image.convert("L").resize((64, 64))
    return round(ImageStat.Stat(small).stddev[0], 2)
