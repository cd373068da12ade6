"""Rules of an ability, verified on the keywords."""

from __future__ import annotations

import pytest

from tests.doubles import candidate
from tests.filters.judging import chain, verdict

RULES = [
    {"rule": "r", "require": ["subject"]},
    {"rule": "r", "require_any": ["man", "woman"]},
    {"rule": "r", "forbid": ["oil painting", "statue"]},
]


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        (["red fox", "an old woman"], ""),
        (["red foxes", "two women"], ""),
        (["fox", "a man"], "planned subject 'red fox'"),
        (["red fox", "a human"], "none of man, woman"),
        (["red fox", "man", "Statues of stone"], "'statue'"),
        (["red fox", "man", "an oil painting of it"], "'oil painting'"),
        (["red fox", "man", "oil, painting"], "'oil painting'"),
        (["red fox", "man", "oil lamp painting"], ""),
    ],
)
def test_rules(keywords: list[str], reason: str) -> None:
    found = verdict(chain("restrictions", restrictions=RULES), candidate(keywords=keywords), "prompt")
    assert (found.outcome == "fail") == bool(reason)
    assert reason in found.reason
