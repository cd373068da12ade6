"""Drops dialogues that give a picture a color, a number, a thing or another word that it was not planned to have.

With several pictures the commonest mistake of a small model is to mix them up: "the first image shows a blue car",
where the second does. So what is said of one picture is compared with the keywords and the plan of that picture.
Where English leaves open which picture a clause speaks of, it is enough that one reading is right. Comparisons,
denials and what is said of the world ("apples are usually red") claim nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

from pydantic import Field

from synth.backends.render.base import Rendered
from synth.clauses import JOINS, VERBS, Clause, clauses
from synth.filtering import Filter, Result, failed, passed
from synth.pointing import Pointer, exchanges, label, sentences
from synth.records import Candidate, Record, Stage
from synth.text import STOP_WORDS, all_stems, stem, words

Kind = Literal["color", "number", "thing", "word"]
Items = Sequence[str | Pointer]

#: the bank of color names, with the fact `family`
_COLOR_BANK = "color"
_BASIC = frozenset("red orange yellow green blue purple pink brown gray black white".split())  # noqa: SIM905
#: "reddish" in a keyword is red enough
_SPELLED = {f"{color.removesuffix('e')}ish": color for color in _BASIC}
_SPELLED |= {"reddish": "red", "greyish": "gray", "grey": "gray", "golden": "gold", "wooden": "wood"}
_UNCOLORED = frozenset("photo photograph image picture style film drawing sketch illustration".split())  # noqa: SIM905

_NUMBERS = {word: value for value, word in enumerate(
    "one two three four five six seven eight nine ten eleven twelve".split(), 1  # noqa: SIM905
)}  # fmt: skip
_NUMBERS |= {str(value): value for value in range(1, 13)} | {"pair": 2, "couple": 2, "dozen": 12}
#: counted, but nothing that a picture was planned to have so many of: parts, kinds, pictures, measures
_UNCOUNTED = frozenset(
    map(
        stem,
        """image picture photo photograph scene shot view panel painting drawing kind type sort thing object item
        difference color shade tone hue way part side half time year hour minute meter metre centimeter foot leg arm
        hand eye ear wing horn antler paw hoof wheel door window tire tyre more fewer less other extra additional
        different quarter dimension hundred thousand million""".split(),  # noqa: SIM905
    )
)
#: a number behind these is a name, or part of another one
_NAMES = frozenset(
    "number no at first second third last image picture photo other another or".split()  # noqa: SIM905
)

#: behind these a thing is in the picture
_SHOWN = frozenset(
    """show shows showing depict depicts depicting contain contains containing feature features featuring display
    displays displaying include includes present presents capture captures there there's see seen has have with
    holding holds carrying wearing wears beside near behind next under above""".split()  # noqa: SIM905
)
#: behind these it is what something is for, or made of, or like
_NOT_SHOWN = frozenset(
    "used use uses for to as kind type sort species made because from called named about reminds".split()  # noqa: SIM905
)
_DEFINITE = frozenset(("the", "this", "that", "these", "those", "its"))
_DETERMINERS = frozenset("a an several some many another this".split()) | _NUMBERS.keys()  # noqa: SIM905
#: what shows that the noun before it is not part of another: "a dog in", not "a dog house"
_AFTER_NOUN = STOP_WORDS | VERBS | JOINS | {"next", "near", "beside", "behind", "instead", "only"}
#: "the car is crimson": behind these a word that is also a thing is a color
_COLORED = frozenset("is are was were isn't aren't color colored colour coloured painted dyed all".split())  # noqa: SIM905
_YES_OR_NO = frozenset("is are was were do does did has have can could will would should".split())  # noqa: SIM905
#: "how did the rain change the street in the second image?"
_WHY = frozenset(("how", "why"))
_SHADE = frozenset("color colored colour coloured shade tone hue".split())  # noqa: SIM905

#: words that tell no picture from another, even where only one has them among its keywords
_FRAME = frozenset(
    map(
        stem,
        """image picture photo photograph shot view scene show see seen thing object item place kind type sort style
        color shade number count part piece pair row group heap bunch back front side top bottom edge end middle center
        corner background foreground left right same different difference other common share look stand lie sit lean
        hang rest lay take make made use call name feature appear person people child somebody someone small large big
        little tall long short wide high low new full open bright dark light clear plain set keep stay still get go come
        put give way time now once again""".split(),  # noqa: SIM905
    )
)
#: a picture that says nothing of a person's sex may show either
_SEXES = frozenset("man woman boy girl lady schoolboy schoolgirl".split())  # noqa: SIM905
#: what begins another word with the opposite meaning: "woman", "unlit"
_OPPOSITES = frozenset(("wo", "un", "fe", "in"))
#: a clause with one of these relates pictures to each other, and what it names may be in any of them
_RELATING = frozenset(
    """why cause causes caused causing because result results effect leads led become becomes became turn turns
    turned into stage stages process step steps sequence story series relation related belong belongs before after
    later part parts whole tool tools used uses use needs needed made makes come comes came
    live lives grow grows growing life way order follow follows""".split()  # noqa: SIM905
)
#: behind these stands where something is from, or what did it
_PLAIN = STOP_WORDS | VERBS | _NUMBERS.keys()
_LONGEST_WORD = 30
#: "half-burned" says less than "burned"
_HALF = re.compile(r"\bhalf-\w+")
_SOURCES = frozenset("from by due for about".split())  # noqa: SIM905


class ContradictionOptions(Record):
    colors: bool = Field(True, description="whether color words are compared")
    counts: bool = Field(True, description="whether numbers of things are compared")
    words: bool = Field(
        False, description="whether words of one picture are compared that are said of another, with several pictures"
    )
    things: list[str] = Field(
        default_factory=list, description="keyword banks of the ability whose entries are compared, too"
    )


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
class Count:
    """A number at `at` of the items, and the stems of what it counts; none where that is left out ("three in the")."""

    at: int
    said: str
    value: int
    nouns: tuple[str, ...]


@dataclass(slots=True)
class Seen:
    """What one picture was planned to have."""

    stems: set[str] = field(default_factory=set)
    #: stems of its keywords and of what was drawn for it alone that may tell it from other pictures
    own: set[str] = field(default_factory=set)
    #: what may be a word within one of those
    parts: set[str] = field(default_factory=set)
    #: with facts and all words that tell nothing, which may be said of it, too
    facts: set[str] = field(default_factory=set)
    #: as they are named
    colors: dict[str, None] = field(default_factory=dict)
    families: set[str] = field(default_factory=set)
    numbers: dict[int, None] = field(default_factory=dict)
    #: how many there are of a noun
    counts: dict[str, set[int]] = field(default_factory=dict)

    def supports(self, claim: Claim, lexicon: Lexicon) -> bool:
        if claim.kind == "color":
            return claim.said in self.colors or (claim.said in _BASIC and claim.said in self.families)
        if claim.kind == "word":
            return self.has(claim.said)
        if claim.kind == "thing":
            return claim.nouns <= self.stems or any(word.endswith(claim.said) for word in self.stems)
        known = set().union(*(self.counts.get(noun, ()) for noun in claim.nouns))
        if known or claim.value == 1:
            return not known or claim.value in known
        paired = claim.said == "pair" and not claim.nouns.isdisjoint(self.stems)
        return paired or claim.value in self.numbers

    def has(self, word: str) -> bool:
        """Whether a word, or another that it is a part of ("snow" of "snowy"), was planned for this picture alone."""
        root = stem(word)
        if root in self.facts or (root in _SEXES and _SEXES.isdisjoint(self.own)):
            return True
        return root in self.parts or not self.own.isdisjoint(_parts(root))


class Lexicon:
    """The words that claim something: color names with their families, and the entries of banks."""

    def __init__(self, families: dict[str, str], things: Iterable[str], categories: frozenset[str]) -> None:
        self.families = {**families, **{name: name for name in _BASIC}}
        self._colors = _by_first(tuple(words(name)) for name in self.families)
        entries = [tuple(map(stem, words(text))) for text in things]
        entries = [stems for stems in entries if stems and stems[-1] not in categories]
        self._things = _by_first(entries)
        self._heads = {stems[-1] for stems in entries if len(stems) > 1}

    def colors(self, items: Items, at: int) -> list[str]:
        """The color names that begin at `at`, the longest first."""
        return [" ".join(parts) for parts in _that_fit(self._colors, items, at)]

    def is_color(self, name: str, items: Items, at: int, seen: Sequence[Seen]) -> bool:
        """Whether a color's name is meant as one: "salmon" may be a fish, and "red" may not."""
        if (name in _BASIC or name.rpartition(" ")[2] in _BASIC) and name != "orange":
            return True
        before = items[at - 1] if at else ""
        end = at + len(words(name))
        behind = items[end] if end < len(items) else ""
        if behind in _SHADE or (behind in _BASIC and self.families[name] == behind):
            return True
        if before in _COLORED:
            return isinstance(behind, Pointer) or behind == "" or behind in STOP_WORDS
        # "a crimson car", where there is a car
        return isinstance(behind, str) and any(stem(behind) in one.stems for one in seen) and behind not in STOP_WORDS

    def thing(self, stems: Sequence[str | Pointer], at: int) -> tuple[int, bool]:
        """How many words has the entry that begins at `at` (0: none does), and is it the head of one alone?"""
        for parts in _that_fit(self._things, stems, at):
            return len(parts), False
        return (1, True) if stems[at] in self._heads else (0, False)


class Contradiction(Filter):
    """Fails what a dialogue says of a picture that this picture was not planned to have."""

    stages = ("dialogue",)
    Options = ContradictionOptions
    options: ContradictionOptions

    def banks(self) -> list[str]:
        return self.options.things

    @cached_property
    def _lexicon(self) -> Lexicon:
        bank = self.vocabulary.get(_COLOR_BANK)
        named = [entry for entry in (bank.entries if bank else ()) if "family" in entry.facts]
        families = {" ".join(words(entry.text)): entry.facts["family"] for entry in named}
        entries = [entry for name in self.options.things for entry in self.vocabulary[name].entries]
        # "is: bird" of many: only the plan knows what "a bird" is in a picture, and it says so
        facts = Counter(value.lower() for entry in entries for value in entry.facts.values())
        categories = frozenset(stem(words(value)[-1]) for value, often in facts.items() if often > 2)
        return Lexicon(families, (entry.text for entry in entries), categories)

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        seen = [self._planned(candidate, number) for number in range(len(candidate.images))]
        # turn by turn an answer may go back to what came before ("the dough from your first photo")
        apart = _apart(seen) if self.options.words and candidate.form == "multi" else frozenset()
        for turn in exchanges(candidate):
            arrived = seen[: turn.arrived]
            if not candidate.from_pool:  # questions of the pool are a person's
                problem = self._problem(turn.question, turn.pointers(turn.question), arrived, apart, None)
                if problem:
                    return failed(f"the question {problem}")
            # "What color is the car in the second image?" "It is blue."
            related = not _RELATING.isdisjoint(words(turn.question))
            asked = turn.newest if candidate.form == "multi" and not related else None
            problem = self._problem(turn.answer, turn.pointers(turn.answer), arrived, apart, asked)
            if problem:
                return failed(f"the answer {problem}")
        return passed()

    def _planned(self, candidate: Candidate, number: int) -> Seen:
        """Keywords and plan of picture `number`, read for colors and numbers."""
        seen = Seen()
        texts = list(candidate.images[number].keywords)
        for entry in candidate.plan_of(number).values():
            texts += [entry.text, *entry.facts.values()]
        for text in texts:
            items = [_SPELLED.get(word, word) for word in words(text)]
            seen.stems.update(map(stem, items))
            for at in range(len(items)):
                for name in self._lexicon.colors(items, at):
                    seen.colors[name] = None
                    seen.families.add(self._lexicon.families[name])
            for count in _counts(items, articles=True):
                seen.numbers[count.value] = None
                for noun in count.nouns:
                    seen.counts.setdefault(noun, set()).add(count.value)
        drawn = candidate.picture_plans[number].values() if candidate.picture_plans else ()
        own = [*candidate.images[number].keywords, *(entry.text for entry in drawn)]
        seen.own = self._meaningful(own, seen)
        seen.parts = set().union(*map(_parts, seen.own))
        seen.facts = set(all_stems([*own, *(text for entry in drawn for text in entry.facts.values())]))
        return seen

    def _meaningful(self, texts: Iterable[str], seen: Seen) -> set[str]:
        """Stems that may tell one picture from another. Colors and numbers are compared by themselves."""
        stems: set[str] = set()
        for text in texts:
            items = words(_HALF.sub(" ", text.lower()))
            colored = self._colored(items, [seen])
            stems.update(stem(item) for at, item in enumerate(items) if at not in colored and item not in _PLAIN)
        return stems - _FRAME

    def _colored(self, items: Items, seen: Sequence[Seen]) -> set[int]:
        """Where the words of colors stand."""
        named = ((at, len(words(name))) for at, name in self._colors(items, len(items), (), seen))
        return {place for at, size in named for place in range(at, at + size)}

    def _problem(
        self,
        text: str,
        pointers: Sequence[Pointer],
        seen: Sequence[Seen],
        apart: frozenset[str],
        asked: int | None,
    ) -> str:
        default = () if asked is None else (Pointer(0, 0, frozenset((asked,)), "one"),)
        told: set[str] = set()
        for begin, end in sentences(text):
            first = words(text[begin : begin + 12])[:1]
            if text[begin:end].endswith("?") and first and first[0] in _YES_OR_NO:
                continue
            asks_why = text[begin:end].endswith("?") and first and first[0] in _WHY
            telling = frozenset[str]() if asks_why else apart
            claims = list(self._claims(clauses(text, pointers, begin, end), seen, telling, default))
            for claim in claims:
                known = claim.kind == "word" and claim.definite and stem(claim.said) in told
                problem = "" if known else self._wrong(claim, claims, seen)
                if problem:
                    return problem
                if claim.kind == "word":
                    told.add(stem(claim.said))
        return ""

    def _claims(
        self, found: Sequence[Clause], seen: Sequence[Seen], apart: frozenset[str], default: tuple[Pointer, ...]
    ) -> Iterator[Claim]:
        """What the clauses of one sentence say; `default` is what it speaks of if it points at no picture, `apart` the
        words that claim something because not every picture has them."""
        if any(clause.pointers for clause in found):
            default = ()
        counted: tuple[str, ...] = ()
        shown = False
        for number, clause in enumerate(found):
            items = [_SPELLED.get(item, item) if isinstance(item, str) else item for item in clause.items]
            before = found[number - 1].items if number else []
            if self.options.colors:
                following = found[number + 1].items if number + 1 < len(found) else []
                for at, name in self._colors(items, clause.until, before, seen):
                    if not _black_and_white(items, at, following, before):
                        yield Claim("color", name, clause.speaks_of(at) or default)
            if self.options.counts:
                for count in _counts(items, clause.hyphened):
                    nouns = count.nouns or counted
                    counted = nouns
                    if count.at < clause.until and (count.nouns or _stands_alone(items, count, nouns)):
                        definite = items[max(0, count.at - 1)] in ("the", "these", "those")
                        speaks_of = clause.speaks_of(count.at) or default
                        yield Claim("number", count.said, speaks_of, count.value, definite, frozenset(nouns))
            if apart:
                inherits = not (clause.pointers or clause.opener == ":" or _only_points(before))
                colored = self._colored(items, seen)
                for at, said, definite in _telling(clause, apart, colored):
                    speaks_of = clause.speaks_of(at) or default
                    if inherits:  # "both images show a boat, one of them a canoe"
                        speaks_of = tuple(map(_of_some, speaks_of))
                    if speaks_of:
                        yield Claim("word", said, speaks_of, definite=definite)
            if self.options.things:
                goes_on = (shown and not clause.verbal) or _only_points(before)
                shown = goes_on and shown
                for at, said, loose in self._things(items, clause, goes_on):
                    nouns = tuple(map(stem, words(said)))
                    yield Claim("thing", said, clause.speaks_of(at) or default, nouns=frozenset(nouns), loose=loose)
                shown = shown or _shows(items)

    def _colors(self, items: Items, until: int, before: Items, seen: Sequence[Seen]) -> Iterator[tuple[int, str]]:
        at = 0
        listed = len(items) == 1 and before[-1:] and before[-1] in _BASIC  # "red, blue and orange"
        while at < until:
            name = next(iter(self._lexicon.colors(items, at)), "")
            end = at + len(words(name))
            alternative = "or" in (*items[max(0, at - 1) : at], *items[end : end + 1])
            if name and not alternative and (listed or self._lexicon.is_color(name, items, at, seen)):
                yield at, name
            at = max(end, at + 1)

    def _things(self, items: Items, clause: Clause, goes_on: bool) -> Iterator[tuple[int, str, bool]]:
        """Entries of the banks that are said to be in a picture, not what one is for, or part of another word."""
        stems = [stem(item) if isinstance(item, str) else item for item in items]
        at = 0
        while at < clause.until:
            size, loose = self._lexicon.thing(stems, at)
            if size:
                determiner = _determiner(items, at)
                behind = items[at + size] if at + size < len(items) else None
                head = not isinstance(behind, str) or behind in _AFTER_NOUN or behind.endswith(("ing", "ed"))
                placed = behind in ("in", "of", "from", "is", "are") and any(
                    isinstance(item, Pointer) for item in items[at + size : at + size + 4]
                )
                here = _shows(items[:at]) or placed or (goes_on and determiner == 0)
                used = any(item in _NOT_SHOWN and items[place - 1] != "next" for place, item in enumerate(items[:at]))
                if determiner is not None and head and here and not used and at + size not in clause.hyphened:
                    yield at, " ".join(str(item) for item in items[at : at + size]), loose
            at += size or 1

    def _wrong(self, claim: Claim, claims: Sequence[Claim], seen: Sequence[Seen]) -> str:
        """Why no reading of the claim is right, or ""."""
        everything = Pointer(0, 0, frozenset(range(len(seen))), "some")
        readings = claim.readings or (everything,)
        right = [one.supports(claim, self._lexicon) for one in seen]
        for pointer in readings:
            pictures = sorted(number for number in pointer.pictures if number < len(seen))
            together = pointer.manner in ("together", "some") or claim.definite
            if claim.kind == "number" and together and len(pictures) == claim.value > 1:
                return ""
            one_is_enough = pointer.manner == "some" or (
                # "the two images show a boat and a plane"
                pointer.manner == "together" and (claim.kind == "word" or _several(claim, pointer, claims))
            )
            if not pictures or (any if one_is_enough else all)(right[number] for number in pictures):
                return ""
        if claim.loose and not any(right):
            return ""
        pictures = sorted(readings[0].pictures)
        wrong = next(number for number in pictures if number < len(seen) and not right[number])
        if len(pictures) == 1:
            return f"gives '{claim.said}' to {label(wrong, len(seen))}{_instead(claim, seen[wrong])}"
        if readings[0].manner == "some" or not any(right[number] for number in pictures):
            return f"speaks of '{claim.said}', which no image has"
        of = label(wrong, len(seen))
        return f"gives '{claim.said}' to several images, and one of them is {of}{_instead(claim, seen[wrong])}"


# -- reading words -----------------------------------------------------------------------------


def _several(claim: Claim, pointer: Pointer, claims: Sequence[Claim]) -> bool:
    """Whether more than one thing of the kind is said of the pointer."""
    return len({one.said for one in claims if one.kind == claim.kind and pointer in one.readings}) > 1


def _apart(seen: Sequence[Seen]) -> frozenset[str]:
    """The stems that some picture has and some other has not."""
    known = frozenset[str]().union(*(one.own for one in seen))
    return frozenset(word for word in known if not all(one.has(word) for one in seen))


def _of_some(pointer: Pointer) -> Pointer:
    return replace(pointer, manner="some") if pointer.manner == "each" else pointer


def _telling(clause: Clause, apart: frozenset[str], colored: set[int]) -> Iterator[tuple[int, str, bool]]:
    """Words of `apart` that the clause says of a picture, once for each pointer, and whether they may go back to what
    was said before ("the storm brought down the tree in the second image"); not those at `colored`."""
    relating = any(item in _RELATING for item in clause.items)
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


@lru_cache(maxsize=8192)
def _parts(word: str) -> frozenset[str]:
    """What begins or ends a stem and may be a word: "snow" of "snowy", "boat" of "sailboat"; not "man" of "woman"."""
    cuts = range(3, min(len(word), _LONGEST_WORD))
    ends = (word[-cut:] for cut in cuts if word[:-cut] not in _OPPOSITES)
    return frozenset((*(word[:cut] for cut in cuts), *ends))


def _counts(items: Items, hyphened: Iterable[int] = (), articles: bool = False) -> Iterator[Count]:
    """The numbers among `items` that count something; with `articles`, "a cat" is one."""
    for at, item in enumerate(items):
        behind = items[at + 1] if at + 1 < len(items) else ""
        if not isinstance(item, str) or at in hyphened or at + 1 in hyphened or behind in ("or", "to", "more"):
            continue
        value = _NUMBERS.get(item, 1 if articles and item in ("a", "an") else 0)
        if not value or (at and items[at - 1] in _NAMES) or (item in ("pair", "couple") and behind != "of"):
            continue
        if at > 1 and items[at - 1] == "to" and items[at - 2] in _NUMBERS:
            continue
        if tuple(items[max(0, at - 3) : at]) == ("one", "of", "the"):  # "one of the five" is one
            continue
        nouns = _counted(items, at + 1)
        if not nouns and at and items[at - 1] == "in":  # "cut in two"
            continue
        if _UNCOUNTED.isdisjoint(nouns) and not (articles and nouns[:1] and behind in _NUMBERS):
            yield Count(at, item, value, nouns)


def _counted(items: Items, at: int) -> tuple[str, ...]:
    """The stems of up to three words from `at` on, as far as they may be one noun with its adjectives."""
    while at < len(items) and items[at] in ("of", "the", "these", "those"):
        at += 1
    nouns: list[str] = []
    for item in items[at : at + 3]:
        if not isinstance(item, str) or item in STOP_WORDS or item in VERBS or item in JOINS:
            break
        nouns.append(stem(item))
    return tuple(nouns)


def _stands_alone(items: Items, count: Count, nouns: Sequence[str]) -> bool:
    """Whether a number without a noun counts what was counted before: "two cats in the first, but three in the
    second". "One" does so only in such a place: mostly it is a pronoun."""
    if count.value > 1:
        return count.said not in ("pair", "couple")
    behind = items[count.at + 1] if count.at + 1 < len(items) else None
    first = count.at == 0 or items[count.at - 1] in ("only", "just")
    return bool(nouns) and first and (behind == "in" or isinstance(behind, Pointer))


def _black_and_white(items: Items, at: int, following: Items, before: Items) -> bool:
    """ "a black and white photo", "in black and white"."""
    if items[at] == "black" and at + 1 == len(items) and following[:1] == ["white"]:
        return (at > 0 and items[at - 1] == "in") or _of_a_picture(following)
    if items[at] == "white" and at == 0 and before[-1:] == ["black"]:
        return before[-2:-1] == ["in"] or _of_a_picture(items)
    return False


def _of_a_picture(items: Items) -> bool:
    behind = items[1] if len(items) > 1 else None
    return isinstance(behind, Pointer) or behind in _UNCOLORED


def _determiner(items: Items, at: int) -> int | None:
    """Where the article or number of the noun at `at` stands."""
    for place in range(at - 1, max(-1, at - 5), -1):
        item = items[place]
        if item in _DETERMINERS:
            return place
        if not isinstance(item, str) or item in STOP_WORDS:
            return None
    return None


def _shows(items: Items) -> bool:
    return any(item in _SHOWN for item in items)


def _only_points(items: Items) -> bool:
    """ "In the second image", before a comma."""
    return bool(items) and isinstance(items[-1], Pointer) and all(item in ("in", "on", "and") for item in items[:-1])


def _instead(claim: Claim, seen: Seen) -> str:
    """What the picture has in the place of the claim."""
    if claim.kind == "color" and seen.colors:
        return f", which has {', '.join(map(repr, list(seen.colors)[:3]))}"
    if claim.kind == "number" and seen.numbers:
        known = sorted(set().union(*(seen.counts.get(noun, ()) for noun in claim.nouns)) or seen.numbers)
        return f", which has {', '.join(map(str, known))}"
    return ", which does not have it"


def _by_first(phrases: Iterable[tuple[str, ...]]) -> dict[str, list[tuple[str, ...]]]:
    """Phrases by their first word, the longest first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for parts in phrases:
        if parts:
            found.setdefault(parts[0], []).append(parts)
    for same in found.values():
        same.sort(key=len, reverse=True)
    return found


def _that_fit(phrases: dict[str, list[tuple[str, ...]]], items: Items, at: int) -> Iterator[tuple[str, ...]]:
    first = items[at]
    for parts in phrases.get(first, ()) if isinstance(first, str) else ():
        if len(parts) == 1 or tuple(items[at : at + len(parts)]) == parts:
            yield parts
