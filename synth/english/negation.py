"""What denies: the words of a list, and any that ends in -n't. Filters ask it of a text, `clauses` of a word."""

from __future__ import annotations

from synth.english.vocabulary import NEGATIONS

#: the pattern of a negation in a text
NEGATION = rf"\b(?:{'|'.join(NEGATIONS)})\b|n't\b"


def negates(word: str) -> bool:
    """Whether a word in lower case denies what stands behind it."""
    return word in NEGATIONS or word.endswith("n't")
