"""What denies, as a word and in a text."""

from __future__ import annotations

import re

import pytest

from synth.english.negation import NEGATION, negates


@pytest.mark.parametrize(
    ("word", "denies"),
    [("not", True), ("never", True), ("isn't", True), ("is", False), ("note", False), ("ant", False)],
)
def test_a_word_and_a_text_are_judged_alike(word: str, denies: bool) -> None:
    assert negates(word) is denies
    assert bool(re.search(NEGATION, f"the lid {word} on the jar")) is denies
