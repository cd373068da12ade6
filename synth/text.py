"""What filters and planners mean by "the same words": one normalisation for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_WEIGHT = re.compile(r":\d+(?:\.\d+)?(?=[)\s]|$)")
_ARTICLES = frozenset(("a", "an", "the"))

STOP_WORDS = frozenset(
    """a an the this that these those there here it its it's is are was were be been being am do does did
    has have had of in on at to from by for with without into onto over under and or but not no nor so
    as than then very too also just such some any each every all both either one's their his her my your
    our they he she we you i them him us who whom whose which what when where why how can could would
    should may might must will shall up down out off about around through""".split()  # noqa: SIM905
)

_IRREGULAR = {
    "men": "man", "women": "woman", "people": "person", "children": "child", "feet": "foot",
    "teeth": "tooth", "geese": "goose", "mice": "mouse", "leaves": "leaf", "knives": "knife",
    "wolves": "wolf", "shelves": "shelf", "scarves": "scarf", "loaves": "loaf", "halves": "half",
    "lying": "lie", "dying": "die", "tying": "tie", "glasses": "glass", "wooden": "wood",
    "woollen": "wool", "woolen": "wool", "golden": "gold", "wore": "wear", "worn": "wear",
    "grey": "gray", "colour": "color", "coloured": "color", "colored": "color",
}  # fmt: skip


ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def ordinal(number: int) -> str:
    """1 -> "first"; numbers that have no word here are written "11th"."""
    return ORDINALS[number - 1] if 1 <= number <= len(ORDINALS) else f"{number}th"


_PLURALS = {
    "man": "men", "woman": "women", "person": "people", "child": "children", "foot": "feet", "tooth": "teeth",
    "goose": "geese", "mouse": "mice", "leaf": "leaves", "knife": "knives", "wolf": "wolves", "shelf": "shelves",
    "scarf": "scarves", "loaf": "loaves", "half": "halves", "calf": "calves", "hoof": "hooves", "ox": "oxen",
    "sheep": "sheep", "deer": "deer", "fish": "fish", "moose": "moose", "bison": "bison", "salmon": "salmon",
    "trout": "trout", "squid": "squid", "shrimp": "shrimp", "aircraft": "aircraft", "series": "series",
    "potato": "potatoes", "tomato": "tomatoes", "hero": "heroes", "echo": "echoes", "mango": "mangoes",
}  # fmt: skip
_TAIL = re.compile(r" (?:of|with|in|on|for|from|without|at) ")


def plural(phrase: str) -> str:
    """An English noun phrase in the plural: "red fox" -> "red foxes", "pair of skates" -> "pairs of skates".

    The head is the last word before the first preposition. What ends in -s and not in -ss or -us is taken to
    be a plural already.
    """
    tail = _TAIL.search(phrase)
    noun, rest = (phrase[: tail.start()], phrase[tail.start() :]) if tail else (phrase, "")
    before, space, head = noun.rpartition(" ")
    lowered = head.lower()
    if lowered in _PLURALS:
        made = _PLURALS[lowered]
    elif lowered.endswith("man") and lowered not in ("human", "german", "roman", "talisman", "caiman", "ottoman"):
        made = head[:-3] + "men"
    elif lowered.endswith("fish"):
        made = head
    elif lowered.endswith(("ss", "us", "sh", "ch", "x", "z")):
        made = head + "es"
    elif lowered.endswith("s"):
        made = head
    elif lowered.endswith("y") and lowered[-2:-1] not in ("a", "e", "i", "o", "u"):
        made = head[:-1] + "ies"
    else:
        made = head + "s"
    return before + space + made + rest


@lru_cache(maxsize=32768)
def stem(word: str) -> str:
    """A crude English stem: enough to match "running" with "runs" and "boxes" with "box".

    A full stemmer would be more correct for rare words; this one has no data files, is cached and
    treats both sides of every comparison alike, which is all that matters here.
    """
    if word in _IRREGULAR:
        return stem(_IRREGULAR[word])
    word = word.removesuffix("'s")
    if word.endswith("ings") and len(word) > 6:  # "paintings"
        word = word[:-1]
    for suffix in ("ing", "ed"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            if word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            return word.removesuffix("e")
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes", "oes")):
        return word[:-2].removesuffix("e")
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def words(text: str) -> list[str]:
    """The words of `text`, lower case, in order."""
    return _WORD.findall(text.lower())


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
    return " ".join([word for word in words(text) if word not in _ARTICLES])


@lru_cache(maxsize=8192)
def _stemmed(text: str) -> str:
    """The stems of all words, each between spaces, so that a phrase is a substring."""
    return f" {' '.join(map(stem, words(text)))} "


def in_words(text: str, phrase: str) -> bool:
    """Whether `phrase` occurs in `text` as whole words, ignoring case and inflection."""
    needle = _stemmed(phrase)
    return needle != "  " and needle in _stemmed(text)
