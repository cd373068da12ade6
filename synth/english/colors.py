"""Names of colors in a text, and whether they are meant as colors: "salmon" may be a fish."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from synth.english.inflection import stem
from synth.english.phrases import Phrases
from synth.english.pointing import Items, Pointer
from synth.english.vocabulary import BE, COLORS, PICTURES, STOP_WORDS, VARIANTS
from synth.english.words import words

#: "reddish" in a keyword is red enough
_SPELLED = VARIANTS | {f"{color.removesuffix('e')}ish": color for color in COLORS}
_SPELLED |= {"reddish": "red", "greyish": "gray"}
_UNCOLORED = frozenset((*PICTURES, "style", "film", "drawing", "sketch", "illustration"))
_SHADE = frozenset("color colored colour coloured shade tone hue".split())  # noqa: SIM905
#: "the car is crimson": behind these a word that is also a thing is a color
_COLORED = frozenset((*BE, "isn't", "aren't", "color", "colored", "colour", "coloured", "painted", "dyed", "all"))


def spelled(word: str) -> str:
    """The word, or the color that it is a form of."""
    return _SPELLED.get(word, word)


class Colors:
    """The names of colors, each with its family; the basic colors are their own."""

    def __init__(self, families: Mapping[str, str]) -> None:
        self.families = {**families, **{name: name for name in COLORS}}
        self._names = Phrases(tuple(words(name)) for name in self.families)

    def named(self, items: Items, at: int) -> list[str]:
        """The names that begin at `at`, the longest first."""
        return [" ".join(parts) for parts in self._names.at(items, at)]

    def meant(
        self, items: Items, shown: AbstractSet[str], until: int | None = None, before: Items = ()
    ) -> Iterator[tuple[int, str]]:
        """Where among the items below `until` the names are that mean colors. `shown` are the stems of what may have
        one, `before` the items of the clause before."""
        until = len(items) if until is None else until
        at = 0
        listed = len(items) == 1 and before[-1:] and before[-1] in COLORS  # "red, blue and orange"
        while at < until:
            name = next(iter(self.named(items, at)), "")
            end = at + len(words(name))
            alternative = "or" in (*items[max(0, at - 1) : at], *items[end : end + 1])
            if name and not alternative and (listed or self._is_meant(name, items, at, shown)):
                yield at, name
            at = max(end, at + 1)

    def places(self, items: Items, shown: AbstractSet[str]) -> set[int]:
        """Where the words of colors stand."""
        named = ((at, len(words(name))) for at, name in self.meant(items, shown))
        return {place for at, size in named for place in range(at, at + size)}

    def _is_meant(self, name: str, items: Items, at: int, shown: AbstractSet[str]) -> bool:
        """Whether a color's name is meant as one: "salmon" may be a fish, and "red" may not."""
        if (name in COLORS or name.rpartition(" ")[2] in COLORS) and name != "orange":
            return True
        before = items[at - 1] if at else ""
        end = at + len(words(name))
        behind = items[end] if end < len(items) else ""
        if behind in _SHADE or (behind in COLORS and self.families[name] == behind):
            return True
        if before in _COLORED:
            return isinstance(behind, Pointer) or behind == "" or behind in STOP_WORDS
        # "a crimson car", where there is a car
        return isinstance(behind, str) and stem(behind) in shown and behind not in STOP_WORDS


def black_and_white(items: Items, at: int, following: Items, before: Items) -> bool:
    """ "a black and white photo", "in black and white": "and" has made two clauses of it."""
    if items[at] == "black" and at + 1 == len(items) and following[:1] == ["white"]:
        return (at > 0 and items[at - 1] == "in") or _of_a_picture(following)
    if items[at] == "white" and at == 0 and before[-1:] == ["black"]:
        return before[-2:-1] == ["in"] or _of_a_picture(items)
    return False


def _of_a_picture(items: Items) -> bool:
    behind = items[1] if len(items) > 1 else None
    return isinstance(behind, Pointer) or behind in _UNCOLORED
