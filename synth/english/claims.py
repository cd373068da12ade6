"""What a text claims of pictures: colors, numbers, things, and words that tell one picture from another.

Comparisons, denials and what is said of the world ("apples are usually red") claim nothing, and neither does a
question. Where English leaves open which picture is meant, a claim has several readings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from synth.english.clauses import Clause, clauses
from synth.english.colors import Colors, black_and_white, spelled
from synth.english.counting import counts
from synth.english.inflection import stem
from synth.english.pointing import Items, Pointer
from synth.english.sentences import sentences
from synth.english.telling import telling
from synth.english.things import Things, shows
from synth.english.vocabulary import BE, MODALS, THE
from synth.english.words import WORD, words

Kind = Literal["color", "number", "thing", "word"]

_YES_OR_NO = frozenset((*BE, *MODALS, "do", "does", "did", "has", "have"))
_FIRST = re.compile(WORD, re.IGNORECASE)
#: "how did the rain change the street in the second image?"
_WHY = frozenset(("how", "why"))


@dataclass(frozen=True, slots=True)
class Claim:
    """What a word says of a picture, and of which it may say that (none: of any)."""

    kind: Kind
    said: str
    readings: tuple[Pointer, ...]
    #: of a number
    value: int = 0
    #: "the two cars" may be one in each picture, "the storm" one that was spoken of before
    definite: bool = False
    #: stems: what a number counts, or the words of a thing
    nouns: frozenset[str] = frozenset()
    #: a head alone ("fox") has too many synonyms to be wrong by itself; it is where another picture has it
    loose: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """A clause of a sentence with its neighbours' items; in its own every color is `spelled` alike."""

    clause: Clause
    items: Items
    before: Items
    behind: Items
    default: tuple[Pointer, ...]

    def speaks_of(self, at: int) -> tuple[Pointer, ...]:
        return self.clause.speaks_of(at) or self.default


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads claims. Of `kinds` those are looked for; words as far as a call names any."""

    colors: Colors
    things: Things
    kinds: Collection[Kind]

    def read(
        self,
        text: str,
        pointers: Sequence[Pointer],
        shown: AbstractSet[str],
        apart: AbstractSet[str] = frozenset(),
        default: tuple[Pointer, ...] = (),
    ) -> Iterator[list[Claim]]:
        """The claims of each sentence. `pointers` are those of the text, `shown` the stems of what its pictures show,
        `apart` those that claim something because not every picture has them, `default` is what a sentence speaks of
        that points at no picture."""
        for begin, end in sentences(text):
            first = _FIRST.search(text, begin, end) if text.endswith("?", begin, end) else None
            asks = first.group().lower() if first else ""
            if asks in _YES_OR_NO:
                continue
            words_apart = frozenset[str]() if asks in _WHY else apart
            yield list(self._claims(_parts(clauses(text, pointers, begin, end), default), shown, words_apart))

    def _claims(self, parts: Sequence[_Part], shown: AbstractSet[str], apart: AbstractSet[str]) -> Iterator[Claim]:
        """What the clauses of one sentence say, in order; what one clause says is in the order of the kinds."""
        found: list[Iterator[list[Claim]]] = []
        if "color" in self.kinds:
            found.append(self._of_colors(parts, shown))
        if "number" in self.kinds:
            found.append(_of_numbers(parts))
        if apart:
            found.append(self._of_words(parts, shown, apart))
        if "thing" in self.kinds:
            found.append(self._of_things(parts))
        for of_clause in zip(*found, strict=True):
            yield from chain.from_iterable(of_clause)

    def _of_colors(self, parts: Sequence[_Part], shown: AbstractSet[str]) -> Iterator[list[Claim]]:
        for part in parts:
            yield [
                Claim("color", name, part.speaks_of(at))
                for at, name in self.colors.meant(part.items, shown, part.clause.until, part.before)
                if not black_and_white(part.items, at, part.behind, part.before)
            ]

    def _of_words(
        self, parts: Sequence[_Part], shown: AbstractSet[str], apart: AbstractSet[str]
    ) -> Iterator[list[Claim]]:
        for part in parts:
            clause = part.clause
            inherits = not (clause.pointers or clause.opener == ":" or _only_points(part.before))
            claims = []
            for at, said, definite in telling(clause, apart, self.colors.places(part.items, shown)):
                speaks_of = part.speaks_of(at)
                if inherits:  # "both images show a boat, one of them a canoe"
                    speaks_of = tuple(map(_of_some, speaks_of))
                if speaks_of:
                    claims.append(Claim("word", said, speaks_of, definite=definite))
            yield claims

    def _of_things(self, parts: Sequence[_Part]) -> Iterator[list[Claim]]:
        listing = False  # whether a clause before says of something that it is there
        for part in parts:
            goes_on = (listing and not part.clause.verbal) or _only_points(part.before)
            yield [
                Claim("thing", said, part.speaks_of(at), nouns=frozenset(map(stem, words(said))), loose=loose)
                for at, said, loose in self.things.shown(part.items, part.clause, goes_on)
            ]
            listing = (goes_on and listing) or shows(part.items)


def _of_numbers(parts: Sequence[_Part]) -> Iterator[list[Claim]]:
    counted: tuple[str, ...] = ()  # what the number before counts
    for part in parts:
        claims = []
        for count in counts(part.items, part.clause.hyphened):
            nouns = counted = count.nouns or counted
            if count.at < part.clause.until and (count.nouns or count.stands_alone(part.items, nouns)):
                definite = part.items[max(0, count.at - 1)] in THE
                speaks_of = part.speaks_of(count.at)
                claims.append(Claim("number", count.said, speaks_of, count.value, definite, frozenset(nouns)))
        yield claims


def _parts(found: Sequence[Clause], default: tuple[Pointer, ...]) -> list[_Part]:
    """The clauses of a sentence; `default` is what they speak of where none points at a picture."""
    if any(clause.pointers for clause in found):
        default = ()
    around: list[Items] = [[], *(clause.items for clause in found), []]
    items = ([spelled(item) if isinstance(item, str) else item for item in clause.items] for clause in found)
    return [_Part(*of_clause, default) for of_clause in zip(found, items, around, around[2:], strict=False)]


def _of_some(pointer: Pointer) -> Pointer:
    return replace(pointer, manner="some") if pointer.manner == "each" else pointer


def _only_points(items: Items) -> bool:
    """ "In the second image", before a comma."""
    return bool(items) and isinstance(items[-1], Pointer) and all(item in ("in", "on", "and") for item in items[:-1])
