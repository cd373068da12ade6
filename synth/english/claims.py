"""What a text claims of pictures: colors, numbers, things, and words that tell one picture from another.

Comparisons, denials and what is said of the world ("apples are usually red") claim nothing, and neither does a
question. Where English leaves open which picture is meant, a claim has several readings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
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
from synth.english.words import words

Kind = Literal["color", "number", "thing", "word"]

_YES_OR_NO = frozenset((*BE, *MODALS, "do", "does", "did", "has", "have"))
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
            first = words(text[begin : begin + 12])[:1]
            asks = text[begin:end].endswith("?") and bool(first)
            if asks and first[0] in _YES_OR_NO:
                continue
            words_apart = frozenset[str]() if asks and first[0] in _WHY else apart
            yield list(self._claims(clauses(text, pointers, begin, end), shown, words_apart, default))

    def _claims(
        self, found: Sequence[Clause], shown: AbstractSet[str], apart: AbstractSet[str], default: tuple[Pointer, ...]
    ) -> Iterator[Claim]:
        """What the clauses of one sentence say."""
        if any(clause.pointers for clause in found):
            default = ()
        counted: tuple[str, ...] = ()
        listing = False
        for number, clause in enumerate(found):
            items = [spelled(item) if isinstance(item, str) else item for item in clause.items]
            before = found[number - 1].items if number else []
            if "color" in self.kinds:
                following = found[number + 1].items if number + 1 < len(found) else []
                for at, name in self.colors.meant(items, shown, clause.until, before):
                    if not black_and_white(items, at, following, before):
                        yield Claim("color", name, clause.speaks_of(at) or default)
            if "number" in self.kinds:
                for count in counts(items, clause.hyphened):
                    nouns = count.nouns or counted
                    counted = nouns
                    if count.at < clause.until and (count.nouns or count.stands_alone(items, nouns)):
                        definite = items[max(0, count.at - 1)] in THE
                        speaks_of = clause.speaks_of(count.at) or default
                        yield Claim("number", count.said, speaks_of, count.value, definite, frozenset(nouns))
            if apart:
                inherits = not (clause.pointers or clause.opener == ":" or _only_points(before))
                colored = self.colors.places(items, shown)
                for at, said, definite in telling(clause, apart, colored):
                    speaks_of = clause.speaks_of(at) or default
                    if inherits:  # "both images show a boat, one of them a canoe"
                        speaks_of = tuple(map(_of_some, speaks_of))
                    if speaks_of:
                        yield Claim("word", said, speaks_of, definite=definite)
            if "thing" in self.kinds:
                goes_on = (listing and not clause.verbal) or _only_points(before)
                listing = goes_on and listing
                for at, said, loose in self.things.shown(items, clause, goes_on):
                    own = frozenset(map(stem, words(said)))
                    yield Claim("thing", said, clause.speaks_of(at) or default, nouns=own, loose=loose)
                listing = listing or shows(items)


def _of_some(pointer: Pointer) -> Pointer:
    return replace(pointer, manner="some") if pointer.manner == "each" else pointer


def _only_points(items: Items) -> bool:
    """ "In the second image", before a comma."""
    return bool(items) and isinstance(items[-1], Pointer) and all(item in ("in", "on", "and") for item in items[:-1])
