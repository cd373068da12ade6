"""Words that no picture can show."""

from __future__ import annotations

import pytest

from tests.doubles import candidate
from tests.filters.judging import chain, verdict


@pytest.mark.parametrize(
    "keyword", ["sweet smell", "smelly cheese", "the act of growing", "Loud noises", "a happy memory"]
)
def test_what_cannot_be_seen_fails_and_is_named(keyword: str) -> None:
    found = verdict(chain("non_visual"), candidate(keywords=["red fox", keyword]), "prompt")
    assert found.outcome == "fail"
    assert keyword in found.reason


@pytest.mark.parametrize("keyword", ["red fox", "soundless", "thoughtful owl statue", "old barn"])
def test_whole_words_only(keyword: str) -> None:
    assert verdict(chain("non_visual"), candidate(keywords=[keyword]), "prompt").outcome == "pass"


def test_planned_words_and_options() -> None:
    loud = candidate(keywords=["loud speaker"], plan={"subject": "loud speaker", "oddity": "x", "camera": "y"})
    assert verdict(chain("non_visual"), loud, "prompt").outcome == "pass"
    one = {"keywords": ["loud fox", "snow"]}
    assert verdict(chain("non_visual", {"allow": ["loud"]}), candidate(**one), "prompt").outcome == "pass"
    assert verdict(chain("non_visual", {"also": ["hat"]}), candidate(keywords=["two hats"]), "prompt").outcome == "fail"
