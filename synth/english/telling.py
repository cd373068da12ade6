"""Words that tell one picture from another, and where a clause says them of a picture.

"Snow" does where one picture alone has it; "object" and "left" never do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache

from synth.english.clauses import Clause
from synth.english.colors import Colors
from synth.english.counting import NUMBERS
from synth.english.inflection import stem
from synth.english.pointing import Items, Pointer
from synth.english.vocabulary import PICTURES, STOP_WORDS, THE, VERBS, VIEWS
from synth.english.words import words

#: words that tell no picture from another, even where only one has them among its keywords
_FRAME = frozenset(
    map(
        stem,
        (
            *PICTURES,
            *VIEWS,
            *"""show see seen thing object item place kind type sort style color shade number count part piece pair row
            group heap bunch back front side top bottom edge end middle center corner background foreground left right
            same different difference other common share look stand lie sit lean hang rest lay take make made use call
            name feature appear person people child somebody someone small large big little tall long short wide high
            low new full open bright dark light clear plain set keep stay still get go come put give way time now once
            again""".split(),  # noqa: SIM905
        ),
    )
)
_PLAIN = STOP_WORDS | VERBS | NUMBERS.keys()
#: a picture that says nothing of a person's sex may show either
SEXES = frozenset("man woman boy girl lady schoolboy schoolgirl".split())  # noqa: SIM905
#: what begins another word with the opposite meaning: "woman", "unlit"
_OPPOSITES = frozenset(("wo", "un", "fe", "in"))
_LONGEST_WORD = 30
#: "half-burned" says less than "burned"
_HALF = re.compile(r"\bhalf-\w+")
#: a clause with one of these relates pictures to each other, and what it names may be in any of them
_RELATING = frozenset(
    """why cause causes caused causing because result results effect leads led become becomes became turn turns
    turned into stage stages process step steps sequence story series relation related belong belongs before after
    later part parts whole tool tools used uses use needs needed made makes come comes came
    live lives grow grows growing life way order follow follows""".split()  # noqa: SIM905
)
#: behind these stands where something is from, or what did it
_SOURCES = frozenset("from by due for about".split())  # noqa: SIM905
_DEFINITE = frozenset((*THE, "this", "that", "its"))


def relates(items: Items) -> bool:
    """Whether it is said or asked how pictures are related."""
    return not _RELATING.isdisjoint(items)


def meaningful(texts: Iterable[str], colors: Colors, shown: AbstractSet[str]) -> set[str]:
    """Stems that may tell one picture from another. Colors and numbers are compared by themselves."""
    stems: set[str] = set()
    for text in texts:
        items = words(_HALF.sub(" ", text.lower()))
        colored = colors.places(items, shown)
        stems.update(stem(item) for at, item in enumerate(items) if at not in colored and item not in _PLAIN)
    return stems - _FRAME


@lru_cache(maxsize=8192)
def parts(word: str) -> frozenset[str]:
    """What begins or ends a stem and may be a word: "snow" of "snowy", "boat" of "sailboat"; not "man" of "woman"."""
    cuts = range(3, min(len(word), _LONGEST_WORD))
    ends = (word[-cut:] for cut in cuts if word[:-cut] not in _OPPOSITES)
    return frozenset((*(word[:cut] for cut in cuts), *ends))


def telling(clause: Clause, apart: AbstractSet[str], colored: AbstractSet[int]) -> Iterator[tuple[int, str, bool]]:
    """Words of `apart` that the clause says of a picture, once for each pointer, and whether they may go back to what
    was said before ("the storm brought down the tree in the second image"); not those at `colored`."""
    relating = relates(clause.items)
    source = False
    said: set[str] = set()
    for at, item in enumerate(clause.items[: clause.until]):
        if isinstance(item, Pointer):
            source = False
            said.clear()
        elif item in said or at in colored:
            continue
        elif item in _SOURCES:
            source = _is_source(clause.items, at)
        elif item not in VERBS and stem(item) in apart and (_is_of(clause.items, at) if relating else not source):
            definite = any(before in _DEFINITE for before in clause.items[max(0, at - 3) : at])
            said.add(item)
            yield at, item, definite and not clause.led_by_pointer


def _is_of(items: Items, at: int) -> bool:
    """ "The puddles in the first image", not "the effect of the rain in the second image"."""
    placed = len(items) > at + 2 and items[at + 1] in ("in", "of", "from") and isinstance(items[at + 2], Pointer)
    return placed and "of" not in items[max(0, at - 3) : at]


def _is_source(items: Items, at: int) -> bool:
    """ "bitten by a dog" and "comes from a cow", not "by a lake" and "changes from red to blue"."""
    before = items[at - 1] if at else ""
    if items[at] == "by":
        return isinstance(before, str) and before.endswith(("ed", "en", "wn"))
    return before not in ("change", "changes", "changed", "differs", "varies")
