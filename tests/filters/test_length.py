"""Limits on keywords and dialogues."""

from __future__ import annotations

import pytest

from tests.doubles import candidate
from tests.filters.judging import chain, verdict


@pytest.mark.parametrize(("count", "outcome"), [(10, "pass"), (11, "fail")])
def test_ten_keywords_are_the_most(count: int, outcome: str) -> None:
    found = verdict(chain("length"), candidate(keywords=[f"k{n}" for n in range(count)]), "prompt")
    assert (found.outcome, found.score) == (outcome, count)


@pytest.mark.parametrize(("size", "outcome"), [(90, "pass"), (91, "fail")])
def test_a_keyword_is_no_sentence(size: int, outcome: str) -> None:
    assert verdict(chain("length"), candidate(keywords=["short", "x" * size]), "prompt").outcome == outcome


def answer(size: int) -> str:
    return ("a b c d " + "x" * size)[:size]


@pytest.mark.parametrize(("size", "outcome"), [(480, "pass"), (481, "fail")])
def test_a_single_turn_counts_question_and_answer(size: int, outcome: str) -> None:
    one = candidate(answers=[answer(size)], questions=["q" * 20])
    assert verdict(chain("length"), one, "dialogue").outcome == outcome


@pytest.mark.parametrize(("size", "outcome"), [(500, "pass"), (501, "fail")])
def test_several_turns_count_each_answer_alone(size: int, outcome: str) -> None:
    one = candidate(answers=[answer(400), answer(size), answer(300)])
    found = verdict(chain("length"), one, "dialogue")
    assert (found.outcome, found.score) == (outcome, size)


@pytest.mark.parametrize(("text", "outcome"), [("One two three.", "fail"), ("One two three four.", "pass")])
def test_an_answer_is_more_than_hardly_anything(text: str, outcome: str) -> None:
    assert (
        verdict(chain("length"), candidate(answers=["One two three four five.", text]), "dialogue").outcome == outcome
    )
    assert verdict(chain("length", {"min_answer_words": 1}), candidate(answers=[text]), "dialogue").outcome == "pass"
