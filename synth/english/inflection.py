"""How words change: stems, plurals, articles, ordinals. It knows words alone, no sentences."""

from __future__ import annotations

import re
from functools import lru_cache

from synth.english.vocabulary import ARTICLES, IRREGULAR_PLURALS, ORDINALS, VARIANTS

_IRREGULAR = VARIANTS | {made: one for one, made in IRREGULAR_PLURALS.items()} | {
    "lying": "lie", "dying": "die", "tying": "tie", "glasses": "glass", "woollen": "wool", "woolen": "wool",
    "wore": "wear", "worn": "wear", "colour": "color", "coloured": "color", "colored": "color",
}  # fmt: skip

#: more than `stem` reads back: it treats "calves" and "hooves" as any other word in -s
_PLURALS = IRREGULAR_PLURALS | {
    "calf": "calves", "hoof": "hooves", "ox": "oxen",
    "sheep": "sheep", "deer": "deer", "fish": "fish", "moose": "moose", "bison": "bison", "salmon": "salmon",
    "trout": "trout", "squid": "squid", "shrimp": "shrimp", "aircraft": "aircraft", "series": "series",
    "potato": "potatoes", "tomato": "tomatoes", "hero": "heroes", "echo": "echoes", "mango": "mangoes",
}  # fmt: skip
_TAIL = re.compile(r" (?:of|with|in|on|for|from|without|at) ")
#: a phrase that begins with one of these has its article or does without
_DETERMINED = (*ARTICLES, "two", "three", "some")


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


def with_article(phrase: str) -> str:
    """ "giraffe" -> "a giraffe", "oven" -> "an oven", "the moon" as it is."""
    first = phrase.split(" ", 1)[0].lower()
    if first in _DETERMINED:
        return phrase
    sounds_like_consonant = first.startswith(("uni", "use", "eu", "one", "ukulele", "utility"))
    vowel = (first[:1] in "aeiou" and not sounds_like_consonant) or first.startswith(("hour", "honest"))
    return f"{'an' if vowel else 'a'} {phrase}"


def ordinal(number: int) -> str:
    """1 -> "first"; numbers that have no word here are written "11th"."""
    return ORDINALS[number - 1] if 1 <= number <= len(ORDINALS) else f"{number}th"
