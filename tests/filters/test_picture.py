"""Blank pictures."""

from __future__ import annotations

import pytest
from PIL import Image as PILImage
from PIL import ImageDraw

from synth.backends.render.base import Rendered
from tests.doubles import candidate
from tests.filters.judging import chain, verdict


def drawn() -> Rendered:
    image = PILImage.new("RGB", (256, 256), "white")
    ImageDraw.Draw(image).rectangle((60, 60, 180, 180), fill="black")
    return Rendered(image)


@pytest.mark.parametrize("colour", ["black", "gray", "white", "red"])
@pytest.mark.parametrize("size", [(64, 64), (512, 300), (1, 1)])
def test_one_colour_is_blank(colour: str, size: tuple[int, int]) -> None:
    found = verdict(chain("picture"), candidate(), "image", [Rendered(PILImage.new("RGB", size, colour))])
    assert (found.outcome, found.score) == ("fail", 0.0)


def test_a_picture_is_not() -> None:
    found = verdict(chain("picture"), candidate(), "image", [drawn()])
    assert found.outcome == "pass"
    assert found.score is not None
    assert found.score > 50
    assert verdict(chain("picture", {"min_deviation": 120}), candidate(), "image", [drawn()]).outcome == "fail"


def test_the_worst_picture_counts() -> None:
    blank = Rendered(PILImage.new("RGB", (64, 64), "gray"))
    two = candidate()
    two.images *= 2
    found = verdict(chain("picture"), two, "image", [drawn(), blank])
    assert (found.outcome, found.picture) == ("fail", 1)


@pytest.mark.parametrize(("reason", "outcome"), [("", "pass"), ("flagged", "fail")])
def test_a_refilter_takes_back_blankness_but_no_flaw(reason: str, outcome: str) -> None:
    strict, lax = chain("picture", {"min_deviation": 120}), chain("picture", {"min_deviation": 0})
    found = verdict(strict, candidate(), "image", [Rendered(drawn().image, flaw=reason)])
    assert found.outcome == "fail"
    [one] = lax.filters
    again = one.check_again(candidate(), found)
    assert again is not None
    assert (again.outcome, again.score, again.reason) == (outcome, found.score, reason)
