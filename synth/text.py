"""What filters and planners mean by "the same words": one normalisation for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from synth.english.inflection import stem
from synth.english.vocabulary import ARTICLES, STOP_WORDS
from synth.english.words import words

_WEIGHT = re.compile(r":\d+(?:\.\d+)?(?=[)\s]|$)")


@lru_cache(maxsize=4096)
def content_stems(text: str) -> frozenset[str]:
    """The stems of the words that carry meaning."""
    return frozenset([stem(word) for word in words(text) if word not in STOP_WORDS])


def mentions(text: str, phrase: str, share: float = 0.5) -> bool:
    """Whether `text` contains at least `share` of the content words of `phrase`."""
    return contains(content_stems(text), phrase, share)


def contains(stems: frozenset[str], phrase: str, share: float) -> bool:
    """Whether `stems` has at least `share` of the content words of `phrase`."""
    return covers(stems, content_stems(phrase), share)


def covers(stems: frozenset[str], wanted: frozenset[str], share: float) -> bool:
    """Whether `stems` has at least `share` of `wanted`."""
    return not wanted or len(wanted & stems) >= share * len(wanted)


def all_stems(texts: Iterable[str]) -> frozenset[str]:
    """The stems of several texts together; each text's own are cached."""
    empty: frozenset[str] = frozenset()
    return empty.union(*map(content_stems, texts))


@lru_cache(maxsize=8192)
def normalise(text: str) -> str:
    """Lower case, without emphasis brackets, articles and punctuation: the key of a keyword."""
    if ":" in text:
        text = _WEIGHT.sub(" ", text)
    return " ".join([word for word in words(text) if word not in ARTICLES])


@lru_cache(maxsize=8192)
def _stemmed(text: str) -> str:
    """The stems of all words, each between spaces, so that a phrase is a substring."""
    return f" {' '.join(map(stem, words(text)))} "


def in_words(text: str, phrase: str) -> bool:
    """Whether `phrase` occurs in `text` as whole words, ignoring case and inflection."""
    needle = _stemmed(phrase)
    return needle != "  " and needle in _stemmed(text)
