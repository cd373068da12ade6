"""The score must be strictly above the threshold."""

from __future__ import annotations

import pytest

from tests.doubles import candidate
from tests.filters.judging import chain, verdict


@pytest.mark.parametrize(("score", "outcome"), [(0.2501, "pass"), (0.25, "fail"), (0.2499, "fail"), (-0.1, "fail")])
def test_strictly_above(score: float, outcome: str) -> None:
    found = verdict(chain("alignment", {"threshold": 0.25}), candidate(scores={"dialogue": score}), "image")
    assert (found.outcome, found.score) == (outcome, score)


def test_single_turns_are_judged_by_dialogue_others_by_prompt() -> None:
    scores = {"dialogue": 0.3, "prompt": 0.2}
    one = chain("alignment", {"threshold": 0.25})
    assert verdict(one, candidate(scores=scores), "image").outcome == "pass"
    two = candidate(scores=scores, answers=["The fox is red.", "It is here."])
    assert verdict(one, two, "image").outcome == "fail"


def test_without_a_threshold_it_only_reports() -> None:
    found = verdict(chain("alignment"), candidate(scores={"dialogue": 0.01}), "image")
    assert (found.outcome, found.score) == ("pass", 0.01)


@pytest.mark.parametrize("scores", [{}, {"dialogue": None, "prompt": 0.3}, {"prompt": 0.3}])
def test_without_a_score_it_was_not_run(scores: dict[str, float | None]) -> None:
    found = verdict(chain("alignment", {"threshold": 0.25}), candidate(scores=scores), "image")
    assert found.outcome == "not_run"
    assert "no scorer" in found.reason


def test_a_margin_that_nobody_measured_was_not_run() -> None:
    scores = {"prompt": 0.3, "prompt.1": 0.4, "prompt.2": 0.3}
    one = chain("alignment", {"margin": 0.0})
    found = verdict(one, candidate(form="multi", scores=scores), "image")
    assert (found.outcome, found.reason) == (
        "not_run",
        "no scorer compared the pictures with the prompts of their siblings",
    )
    assert verdict(chain("alignment"), candidate(form="multi", scores=scores), "image").outcome == "pass"
    assert verdict(one, candidate(scores={"dialogue": 0.3}), "image").outcome == "pass"  # it has no siblings


@pytest.mark.parametrize(("margin", "outcome"), [(0.01, "pass"), (0.0, "fail"), (-0.2, "fail")])
def test_the_margin_needs_no_threshold(margin: float, outcome: str) -> None:
    found = verdict(
        chain("alignment", {"margin": 0.0}), candidate(form="multi", scores={"prompt": 0.3, "margin": margin}), "image"
    )
    assert found.outcome == outcome
