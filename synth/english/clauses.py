"""A sentence in clauses, each with the pictures that it may speak of.

"The car is red in the first image, but blue in the second" has two; "and it has a roof rack" behind it still speaks
of the second. Where English leaves the picture open, a clause has several readings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from synth.english.negation import negates
from synth.english.pointing import Items, Manner, Pointer
from synth.english.vocabulary import CONTRASTS, JOINS, USUALLY, VERBS
from synth.english.words import WORD

_TOKEN = re.compile(rf"{WORD}|[,;:()–—]|-(?= )")
_BREAKS = frozenset(",;:()–—-")
#: they deny what stands behind them, as negations do
_DENIALS = frozenset(("neither", "none", "nothing", "nobody", "unlike", "instead", "rather"))
#: they deny all of their clause
_MISSING = frozenset("missing absent gone lack lacks lacking vanished disappeared".split())  # noqa: SIM905
_SIMILES = frozenset(
    "like resemble resembles resembling similar reminiscent matches recalls reminds evokes than".split()  # noqa: SIM905
)
#: a clause with one of these speaks of the world, or of all pictures' sums
_GENERAL = frozenset(
    (
        *USUALLY,
        *"""generally often sometimes commonly traditionally probably perhaps maybe likely possibly would might may must
        should if total altogether combined""".split(),  # noqa: SIM905
    )
)
#: what comes behind "unlike the red car in the first image" is of another one
_UNLIKE = frozenset(("unlike", "compared", "contrast", "comparison", "differs", "different"))
#: "unlike the red car in the first image" says something of the first image
_COMPARING = frozenset(("like", "unlike", "than"))
_ABLE = frozenset(("can", "could"))
#: behind these "can" is a thing
_AFTER_CAN = frozenset("of in on with at to from under beside near behind while".split())  # noqa: SIM905
_SEEING = frozenset("see seen count counted spot spotted find found observe observed".split())  # noqa: SIM905


@dataclass(slots=True)
class Clause:
    """Words and pointers in order. `opener` is what joins the clause to the one before it: a mark, "and", "but".

    Items from `until` on claim nothing of a picture: they are denied, or what something is compared with.
    """

    opener: str
    items: list[str | Pointer] = field(default_factory=list)
    #: the items that a hyphen joins to the one before
    hyphened: set[int] = field(default_factory=set)
    until: int = 0
    #: what words without a pointer next to them may speak of; none: no picture is named
    readings: tuple[Pointer, ...] = ()

    @property
    def pointers(self) -> list[Pointer]:
        return list(self._pointers_at(range(len(self.items))))

    def _pointers_at(self, places: range) -> Iterator[Pointer]:
        for at in places:
            item = self.items[at]
            if isinstance(item, Pointer):
                yield item

    @property
    def verbal(self) -> bool:
        """Whether it has a verb for certain."""
        return any(item in VERBS for item in self.items if isinstance(item, str))

    @property
    def led_by_pointer(self) -> bool:
        """ "the second shows a cat" and "in the second a cat sleeps", not "a cat in the second"."""
        return any(isinstance(item, Pointer) for item in self.items[:2]) and (
            isinstance(self.items[0], Pointer) or self.items[0] in ("in", "on", "with", "from", "unlike", "of", "to")
        )

    def speaks_of(self, at: int) -> tuple[Pointer, ...]:
        """The pointers to which item `at` may belong: those next to it, or the readings of the clause."""
        places = range(at - 1, -1, -1), range(at, len(self.items))
        before, behind = (list(islice(self._pointers_at(where), 1)) for where in places)
        if before and not behind:
            # "compared to the first image the second has" ... "differs from the first as it has"
            # "the two images both show" says it of both alone
            other = [item for item in self.pointers if item.pictures != before[0].pictures]
            return (*other, *before, *self.readings)
        return (*before, *behind) or self.readings


def clauses(text: str, pointers: Sequence[Pointer], begin: int, end: int) -> list[Clause]:
    """The clauses of the sentence `text[begin:end]`. `pointers` are those of the whole text, in order."""
    found = _split(text, pointers, begin, end)
    denied = general = False
    for clause in found:
        follows = not clause.verbal and clause.opener not in CONTRASTS  # "no cats, dogs or birds"
        own = [
            pointer
            for pointer in clause.pointers
            if text[pointer.start : pointer.end].lower().startswith(("neither", "none"))
        ]
        general = _is_general(clause) or (general and follows)
        denied = denied and follows
        clause.until = 0 if denied or general else _until(clause, own)
        denied = denied or (not general and _denial(clause, own) < len(clause.items))
    _read(found)
    return found


def _split(text: str, pointers: Sequence[Pointer], begin: int, end: int) -> list[Clause]:
    lowered = text.lower()
    clause = Clause("")
    found = [clause]
    waiting = [pointer for pointer in pointers if begin <= pointer.start < end]
    waiting.reverse()
    for token in _TOKEN.finditer(lowered, begin, end):
        while waiting and waiting[-1].end <= token.start():
            clause.items.append(waiting.pop())
        if waiting and waiting[-1].start <= token.start():
            continue
        word = token.group()
        hyphened = bool(token.start()) and lowered[token.start() - 1] == "-"
        if word in _BREAKS or (word in JOINS and not hyphened and not _within(clause)):
            if clause.items:
                clause = Clause(word)
                found.append(clause)
            elif found[-1].opener not in CONTRASTS:
                clause.opener = word  # ", but"
            continue
        if hyphened and clause.items:
            clause.hyphened.add(len(clause.items))
        clause.items.append(word)
    clause.items.extend(reversed(waiting))
    return [one for one in found if one.items]


def _within(clause: Clause) -> bool:
    """ "between red and blue" stays together."""
    return "between" in clause.items[-3:]


def _denial(clause: Clause, own: Sequence[Pointer]) -> int:
    """The first item of the clause that is denied."""
    if any(item in _MISSING for item in clause.items if isinstance(item, str)):
        return 0
    for at, item in enumerate(clause.items):
        if isinstance(item, Pointer):
            if item in own:
                return at
        elif (item in _DENIALS or negates(item)) and not _compares(clause.items, at):
            not_only = clause.items[at + 1 : at + 2] == ["only"]
            if not not_only:
                return at
    return len(clause.items)


def _until(clause: Clause, own: Sequence[Pointer]) -> int:
    items = clause.items
    similes = (at for at, item in enumerate(items) if (item in _SIMILES and not _compares(items, at)) or _as(items, at))
    return min(next(similes, len(items)), _denial(clause, own))


def _compares(items: Items, at: int) -> bool:
    return items[at] in _COMPARING and any(isinstance(item, Pointer) for item in items[at + 1 :])


def _as(items: Items, at: int) -> bool:
    """ "as red as a tomato", "as if"; not "as well as"."""
    behind = items[at + 1 : at + 2]
    return items[at] == "as" and behind in (["a"], ["an"], ["if"], ["though"]) and items[at - 1] != "well"


def _is_general(clause: Clause) -> bool:
    items = clause.items
    for at, item in enumerate(items):
        if item in _GENERAL:
            return True
        if item in _ABLE and not _is_vessel(items, at) and not any(word in _SEEING for word in items[at + 1 : at + 4]):
            return True
    return False


def _is_vessel(items: Items, at: int) -> bool:
    """ "a watering can stands", "a can of paint"."""
    behind = items[at + 1] if at + 1 < len(items) else "is"
    return not isinstance(behind, str) or behind in _AFTER_CAN or (behind in VERBS and behind.endswith("s"))


def _read(found: Sequence[Clause]) -> None:
    """Give clauses without a pointer the pictures of their neighbours."""
    before: list[Pointer] = []
    unlike = False
    ahead = _ahead(found)
    for at, clause in enumerate(found):
        if clause.pointers:
            goes_on = at + 1 < len(found) and not found[at + 1].verbal
            if goes_on and not found[at + 1].pointers:
                _share(clause, ("together",))
            if goes_on and _goes_over(clause):
                clause.readings = ahead[at]
            if "how" in clause.items:  # "all images show how a red car is made"
                _share(clause, ("together", "each"))
            before = clause.pointers
            unlike = not _UNLIKE.isdisjoint(item for item in clause.items if isinstance(item, str))
            continue
        # "both images show animals: a red panda and a barn owl", "and one is red and the other is blue"
        listed = clause.opener == ":" and at + 1 < len(found)
        if listed or clause.items[0] in ("one", "another") or clause.items[:2] == ["the", "other"]:
            before = [replace(one, manner="some") if len(one.pictures) > 1 else one for one in before]
        if not before:
            # "a red car and a blue truck are in the first image", but not "the car is red, and in the second"
            clause.readings = ahead[at]
        elif unlike or (clause.opener in CONTRASTS and clause.verbal):
            clause.readings = ()
        elif clause.verbal:
            clause.readings = tuple(before)
        else:
            clause.readings = (*before, *ahead[at])


def _share(clause: Clause, manners: Sequence[Manner]) -> None:
    """ "The two images show a red panda" and more behind it: not each of them shows all."""
    for at, item in enumerate(clause.items):
        if isinstance(item, Pointer) and item.manner in manners:
            clause.items[at] = replace(item, manner="some")


def _goes_over(clause: Clause) -> bool:
    """ "Flat in the first image to round", "the dog in the first image is clean", and more behind it."""
    last = max(at for at, item in enumerate(clause.items) if isinstance(item, Pointer))
    behind = clause.items[last + 1 : last + 2]
    return behind == ["to"] or (bool(behind) and behind[0] in VERBS and not clause.led_by_pointer)


def _ahead(found: Sequence[Clause]) -> list[tuple[Pointer, ...]]:
    """For each clause the pointer of a later one to which it may belong."""
    ahead: list[tuple[Pointer, ...]] = [()]
    for clause in reversed(found[1:]):
        if clause.opener in CONTRASTS or clause.opener in ";:":
            ahead.append(())
        elif clause.pointers:
            ahead.append(() if clause.led_by_pointer else tuple(clause.pointers[:1]))
        else:
            ahead.append(ahead[-1])
    return ahead[::-1]
