"""Numbers in a text that count something, and what they count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from synth.english.inflection import stem
from synth.english.pointing import Items, Pointer
from synth.english.vocabulary import CARDINALS, JOINS, PICTURES, STOP_WORDS, THE, VERBS, VIEWS

NUMBERS = {word: value for value, word in enumerate(CARDINALS, 1)}
NUMBERS |= {str(value): value for value in NUMBERS.values()} | {"pair": 2, "couple": 2, "dozen": 12}
#: counted, but nothing that a picture was planned to have so many of: parts, kinds, pictures, measures
_UNCOUNTED = frozenset(
    map(
        stem,
        (
            *PICTURES,
            *VIEWS,
            *"""panel painting drawing kind type sort thing object item difference color shade tone hue way part side
            half time year hour minute meter metre centimeter foot leg arm hand eye ear wing horn antler paw hoof wheel
            door window tire tyre more fewer less other extra additional different quarter dimension hundred thousand
            million""".split(),  # noqa: SIM905
        ),
    )
)
#: a number behind these is a name, or part of another one. Not all names of pictures and not all ordinals: a list of
#: its own, because each word more takes a number from what is compared
_NAMES = frozenset(
    "number no at first second third last image picture photo other another or".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Count:
    """A number at `at` of the items, and the stems of what it counts; none where that is left out ("three in the")."""

    at: int
    said: str
    value: int
    nouns: tuple[str, ...]

    def stands_alone(self, items: Items, nouns: Sequence[str]) -> bool:
        """Whether a number without a noun counts what was counted before: "two cats in the first, but three in the
        second". "One" does so only in such a place: mostly it is a pronoun."""
        if self.value > 1:
            return self.said not in ("pair", "couple")
        behind = items[self.at + 1] if self.at + 1 < len(items) else None
        first = self.at == 0 or items[self.at - 1] in ("only", "just")
        return bool(nouns) and first and (behind == "in" or isinstance(behind, Pointer))


def counts(items: Items, hyphened: Iterable[int] = (), articles: bool = False) -> Iterator[Count]:
    """The numbers among `items` that count something; with `articles`, "a cat" is one."""
    for at, item in enumerate(items):
        behind = items[at + 1] if at + 1 < len(items) else ""
        if not isinstance(item, str) or at in hyphened or at + 1 in hyphened or behind in ("or", "to", "more"):
            continue
        value = NUMBERS.get(item, 1 if articles and item in ("a", "an") else 0)
        if not value or (at and items[at - 1] in _NAMES) or (item in ("pair", "couple") and behind != "of"):
            continue
        if at > 1 and items[at - 1] == "to" and items[at - 2] in NUMBERS:
            continue
        if tuple(items[max(0, at - 3) : at]) == ("one", "of", "the"):  # "one of the five" is one
            continue
        nouns = _counted(items, at + 1)
        if not nouns and at and items[at - 1] == "in":  # "cut in two"
            continue
        if _UNCOUNTED.isdisjoint(nouns) and not (articles and nouns[:1] and behind in NUMBERS):
            yield Count(at, item, value, nouns)


def _counted(items: Items, at: int) -> tuple[str, ...]:
    """The stems of up to three words from `at` on, as far as they may be one noun with its adjectives."""
    while at < len(items) and (items[at] == "of" or items[at] in THE):
        at += 1
    nouns: list[str] = []
    for item in items[at : at + 3]:
        if not isinstance(item, str) or item in STOP_WORDS or item in VERBS or item in JOINS:
            break
        nouns.append(stem(item))
    return tuple(nouns)
