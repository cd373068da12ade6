"""Things that a clause says are in a picture, and not what one is for, made of, or part of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from synth.english.clauses import Clause
from synth.english.counting import NUMBERS
from synth.english.inflection import stem
from synth.english.phrases import Phrases
from synth.english.pointing import Items, Pointer
from synth.english.vocabulary import JOINS, NEAR, PRESENT, SHOW, STOP_WORDS, VERBS, third_person
from synth.english.words import words

#: behind these a thing is in the picture
_SHOWN = frozenset(
    (
        *SHOW,
        *PRESENT,
        *third_person(SHOW + PRESENT),
        *NEAR,
        *"""showing depicting containing featuring displaying there there's see seen has have with holding
        holds carrying wearing wears under above""".split(),  # noqa: SIM905
    )
)
#: behind these it is what something is for, or made of, or like
_NOT_SHOWN = frozenset(
    "used use uses for to as kind type sort species made because from called named about reminds".split()  # noqa: SIM905
)
_DETERMINERS = frozenset("a an several some many another this".split()) | NUMBERS.keys()  # noqa: SIM905
#: what shows that the noun before it is not part of another: "a dog in", not "a dog house"
_AFTER_NOUN = STOP_WORDS | VERBS | JOINS | {*NEAR, "instead", "only"}


def shows(items: Items) -> bool:
    """Whether the clause says of something that it is there, so that a list may go on in the next one."""
    return any(item in _SHOWN for item in items)


class Things:
    """The entries that are looked for. Not those that end like one of the `categories`, stems of words of which only
    the plan knows what they are in a picture."""

    def __init__(self, entries: Iterable[str], categories: frozenset[str] = frozenset()) -> None:
        named = [tuple(map(stem, words(text))) for text in entries]
        named = [stems for stems in named if stems and stems[-1] not in categories]
        self._named = Phrases(named)
        self._heads = {stems[-1] for stems in named if len(stems) > 1}

    def shown(self, items: Items, clause: Clause, goes_on: bool) -> Iterator[tuple[int, str, bool]]:
        """Entries that the clause says are in a picture: where, what, and whether it is the head of an entry alone.
        `goes_on`: it is the next of a list of things that are shown."""
        stems = [stem(item) if isinstance(item, str) else item for item in items]
        at = 0
        while at < clause.until:
            size, loose = self._at(stems, at)
            if size:
                determiner = _determiner(items, at)
                behind = items[at + size] if at + size < len(items) else None
                head = not isinstance(behind, str) or behind in _AFTER_NOUN or behind.endswith(("ing", "ed"))
                placed = behind in ("in", "of", "from", "is", "are") and any(
                    isinstance(item, Pointer) for item in items[at + size : at + size + 4]
                )
                here = shows(items[:at]) or placed or (goes_on and determiner == 0)
                used = any(item in _NOT_SHOWN and items[place - 1] != "next" for place, item in enumerate(items[:at]))
                if determiner is not None and head and here and not used and at + size not in clause.hyphened:
                    yield at, " ".join(str(item) for item in items[at : at + size]), loose
            at += size or 1

    def _at(self, stems: Items, at: int) -> tuple[int, bool]:
        """How many words has the entry that begins at `at` (0: none does), and is it the head of one alone?"""
        for parts in self._named.at(stems, at):
            return len(parts), False
        return (1, True) if stems[at] in self._heads else (0, False)


def _determiner(items: Items, at: int) -> int | None:
    """Where the article or number of the noun at `at` stands."""
    for place in range(at - 1, max(-1, at - 5), -1):
        item = items[place]
        if item in _DETERMINERS:
            return place
        if not isinstance(item, str) or item in STOP_WORDS:
            return None
    return None
