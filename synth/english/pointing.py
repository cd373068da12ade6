"""Which pictures of a dialogue a text points at: "the first image", "both photos", "picture 2", "the second".

Filters need it where a sample has several pictures: what is said of the first must be true of the first. This is
a small grammar of English phrases, found in one pass; it reads pointers, not meaning.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from synth.english.inflection import ordinal
from synth.english.sentences import sentences
from synth.english.vocabulary import (
    ARTICLES,
    CARDINALS,
    COLORS,
    ORDINALS,
    PICTURES,
    PRESENT,
    SHOW,
    THE,
    VIEWS,
    third_person,
)
from synth.records import IMAGE_PLACEHOLDER, Candidate, without_placeholders

#: how a pointer speaks of its pictures: of one, of each by itself ("both", "every image"), of several together ("the
#: two images", which may be a red car and a blue one), or of some of them, unknown which ("one of the images")
Manner = Literal["one", "each", "together", "some"]


def _any(*words: str) -> str:
    """A pattern for any of the words."""
    return rf"(?:{'|'.join(words)})"


#: as many as there are ordinals
_CARDINALS = CARDINALS[: len(ORDINALS)]
_NUMBERS = {word: number for number, word in enumerate(_CARDINALS, 1)}
_ORDINALS = {word: number for number, word in enumerate(ORDINALS, 1)}
_ORDINALS |= {"1st": 1, "2nd": 2, "3rd": 3, **{f"{number}th": number for number in range(4, 11)}, "last": 0, "final": 0}

#: before several pictures, and before one
_THE = _any(*THE, "your", "my")
_THIS = r"(?:the|this|that|your|my)"
_NUM = rf"{_any(*_CARDINALS, '10', '[1-9]')}\b"
_ORD = _any(*_ORDINALS)
_NOUN = _any(*PICTURES, "pic", "snapshot")
#: with a number before or behind it, these are pictures, too
_KIND = _any(_NOUN, *VIEWS, "illustration", "drawing", "painting", "frame", "panel")
#: not "picture frame"
_END = r"(?:'s)?(?![\w-]| (?:frame|book|album|window|rail|hook)s?\b)"
_SIDE = r"(?:left|right|top|bottom)\b"
#: "the picture on the wall" is a thing
_NOT_HUNG = rf"(?! (?:on|above) (?:the|a|its) (?!{_SIDE}))"
_SAYS_OF_ONE = _any(*third_person(SHOW + PRESENT), "has", "is", "was", "looks", "does", "doesn't", "isn't")
_SAYS_OF_MORE = _any(*SHOW, *PRESENT, "have", "are", "were", "look", "do", "don't", "aren't", "share", "use")
#: what may follow a pointer that has no noun, so that "the second shows" is one and "the second dog" is none; of
#: numbers the small ones, as in "the first shows one dog, the second two dogs"
_NO_NOUN = re.compile(
    rf"\s*(?:$|[.,;:!?)]|(?:{_SAYS_OF_ONE}|{_SAYS_OF_MORE}|and|but|while|whereas|or|than|with|in|on|by|to|because|it|they"
    rf"|there|{'|'.join((*ARTICLES, *CARDINALS[:6]))}|only|also|instead|just|no|not|has|had|can|cannot|from|as|at"
    r"|of|for|where|which|that|without|into|after|before|during|under|near|next|behind)\b"
    rf"|{_any(*COLORS, 'grey')}\b(?:[.,;!?]|$| (?:and|but|while)\b))"
)
#: "the first shows a fig, the second plums, ..."
_LISTED = re.compile(r" [a-z]+[^\Wsu]s(?:[,;.]|$)")
_FOUND = re.compile(
    rf"(?P<range>\b(?:the )?(?P<edge>first|last|final) (?!one\b)(?P<count>{_NUM})(?P<counted> {_KIND}s{_END})?)"
    rf"|(?P<rest>\bthe (?:(?:other|remaining)(?: (?P<others>{_NUM}))? {_NOUN}s{_END}|others\b|rest of the {_NOUN}s))"
    rf"|(?P<ordinal>\b(?P<the>{_THIS} )?(?P<ord>{_ORD})\b(?: of the {_NUM}(?= ))?"
    rf"(?P<what> (?:{_KIND}s?|ones?){_END})?)"
    rf"|(?P<each>\b(?:each|every)(?: one)?(?:(?: of {_THE})?(?: {_NUM})? {_KIND}s?{_END}| of them\b)?)"
    rf"|(?P<both>\bboth(?:(?: of)?(?: {_THE})?(?: two)? {_KIND}s{_END})?)"
    rf"|(?P<all>\ball(?:(?: of)?(?: {_THE})?(?: (?P<of>{_NUM}))? {_KIND}s{_END}| of them\b| (?P<bare_of>{_NUM}))?)"
    rf"|(?P<none>\b(?:neither|none|either)(?: one)?(?: of {_THE})?(?: {_NUM})? {_KIND}s?{_END})"
    rf"|(?P<plural>\b{_THE}(?: (?P<many>{_NUM})(?: different)? {_KIND}| {_NOUN})s{_END})"
    rf"|(?P<some>\b(?:another|any|some|several|most|{_NUM})(?: of {_THE})?(?: {_NUM})?(?: other)? {_NOUN}s?{_END})"
    rf"|(?P<vague>\b{_THIS} (?:(?P<side>\w+(?:-\w+)?) )?{_NOUN}{_END}{_NOT_HUNG}"
    rf"(?: (?:above|below|(?:on|at) the {_SIDE}))?|\bthe other one\b|\bthe (?:former|latter)\b)"
    rf"|(?P<numbered>\b{_KIND}s? (?:number |no\. ?|# ?)?(?P<list>{_NUM}(?:(?:, {_NUM})*,? (?:and|or|&) {_NUM})?))"
)
_NEWEST = frozenset("current new newest latest given whole entire".split())  # noqa: SIM905
_BEFORE = frozenset("previous preceding earlier".split())  # noqa: SIM905
#: words before "image" that say which one without saying which
_SIDES = frozenset(
    """other left right top bottom upper lower left-hand right-hand middle center central next following former latter
    same""".split()  # noqa: SIM905
).union(_NEWEST, _BEFORE)
_NAMED = re.compile(_KIND)
_SINGULAR = re.compile(rf" (?:{_SAYS_OF_ONE}|{'|'.join((*ARTICLES, *CARDINALS[:4]))}|there|only)\b")
_ONE_SAYS = re.compile(rf" {_SAYS_OF_ONE}\b")
_NO_EACH = re.compile(r" (?:other|time|side|end|hand|corner|row)\b")
_ALL_SAY = re.compile(rf" {_SAYS_OF_MORE}\b|\s*(?:[.,;!?]|$)")
_POINTER = re.compile(rf" (?:(?:in |of )?the {_ORD}\b|{_KIND}s? {_NUM})")
_PRONOUN_BOTH = re.compile(rf" (?:of them\b|{_SAYS_OF_MORE}\b)|\s*(?:[.,;!?]|$)")
_COUNTED_BOTH = re.compile(rf" (?!{_any(*ARTICLES)}\b)(?!\w+ and\b)(?:[a-z]+ )?(?:[a-z]+s|people|men|women|children)\b")
_BEFORE_BOTH = re.compile(r"\b(?:in|of|across|from|they|them|we) $")
_JOINED = re.compile(r"(?:,? (?:and|or|as well as)|,|,? (?:and|or) (?:in|from)) ")


@dataclass(frozen=True, slots=True)
class Pointer:
    """A phrase of a text, `text[start:end]`, and the pictures (0-based) that it points at.

    `problem` says why a reader cannot tell which picture is meant, or that there is no such picture.
    """

    start: int
    end: int
    pictures: frozenset[int]
    manner: Manner
    problem: str = ""


#: words and pointers, in the order of a text
Items: TypeAlias = Sequence[str | Pointer]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer. `before` pictures were there, `arrived` are with it; `newest` is the number of the
    picture that "this picture" means, None where the turns do not say it."""

    question: str
    answer: str
    before: int
    arrived: int
    newest: int | None = None

    def pointers(self, text: str) -> list[Pointer]:
        return pointers(text, self.arrived, self.newest)


def exchanges(candidate: Candidate) -> list[Exchange]:
    """The dialogue, turn by turn, with the pictures that have arrived.

    Of several pictures in one turn none is "this picture", except where the question is about one of them.
    """
    found = []
    before = arrived = 0
    question = ""
    newest: int | None = None
    for turn in candidate.turns:
        if turn.role == "user":
            before, arrived = arrived, arrived + turn.text.count(IMAGE_PLACEHOLDER)
            if arrived - before == 1:
                newest = arrived - 1
            elif arrived > before:
                newest = None
            question = without_placeholders(turn.text)
            continue
        here = newest
        if here is None:
            asked = {pointer.pictures for pointer in pointers(question, arrived)}
            here = min(next(iter(asked))) if len(asked) == 1 and len(next(iter(asked))) == 1 else None
        found.append(Exchange(question, turn.text, before, arrived, here))
    return found


def label(number: int, of: int) -> str:
    """What to call picture `number` (0-based) of `of`."""
    return "the image" if of == 1 else f"the {ordinal(number + 1)} image"


def pointers(text: str, pictures: int, newest: int | None = None) -> list[Pointer]:
    """All pointers in `text`, in order, without overlaps; O(length).

    `pictures` is how many there are for the speaker, `newest` what "this picture" means; None: nothing, unless the
    text has spoken of one picture alone so far.
    """
    lowered = text.lower()
    matches = list(_FOUND.finditer(lowered))
    named = any(match["what"] or _NAMED.search(match.group()) for match in matches)
    found: list[Pointer] = []
    said = _Said()
    begins = [begin for begin, _ in sentences(lowered)]
    skip = 0
    for at, match in enumerate(matches):
        if at < skip:
            continue
        said.enter(bisect_right(begins, match.start()))
        pointer: Pointer | None = None
        if match["ordinal"]:
            chain = _chain(lowered, matches, at)
            listed = bool(found) and found[-1].manner == "one"
            while chain and not _points(lowered, chain, named, listed):
                chain.pop()
            if chain:
                pointer = _ordinals(lowered, chain, pictures, newest)
                skip = at + len(chain)
        else:
            pointer = _other(lowered, match, pictures, newest, said)
            if pointer is not None and pointer.problem and newest is not None and not _NAMED.search(match.group()):
                pointer = None  # "tighten both": turn by turn, a bare number of others is one of things
        if pointer is not None:
            found.append(pointer)
            said.add(pointer)
    return found


@dataclass(slots=True)
class _Said:
    """What the pointers before say, kept up step by step: looking back from each would be quadratic."""

    #: what pointers of the text so far point at, the newest last
    spoken: dict[frozenset[int], None] = field(default_factory=dict)
    #: the pictures that the sentence so far has named one by one
    named: frozenset[int] = frozenset()
    sentence: int = 0

    def enter(self, sentence: int) -> None:
        if sentence != self.sentence:
            self.sentence, self.named = sentence, frozenset()

    def add(self, pointer: Pointer) -> None:
        self.spoken.pop(pointer.pictures, None)
        self.spoken[pointer.pictures] = None
        if pointer.manner == "one" or len(pointer.pictures) == 2:
            self.named |= pointer.pictures


# -- the kinds of pointers ---------------------------------------------------------------------


def _points(text: str, chain: Sequence[re.Match[str]], named: bool, listed: bool) -> bool:
    """Whether ordinals are those of pictures. Without a noun they need "the", a picture named in the text, and
    nothing behind them that they could belong to, unless they go on with a list of pictures."""
    what = chain[-1]["what"]
    if what and not what.startswith(" one"):
        return True
    end = chain[-1].end()
    alone = _NO_NOUN.match(text, end) or (listed and _LISTED.match(text, end))
    return bool(chain[0]["the"] and (what or named) and alone)


def _chain(text: str, matches: Sequence[re.Match[str]], at: int) -> list[re.Match[str]]:
    """The ordinals from `at` on that are one phrase: "the first, second and third images".

    "red in the first image and the second image shows" are two: a verb in the singular belongs to the last alone.
    """
    chain = [matches[at]]
    last_gap = ""
    for following in matches[at + 1 : at + len(ORDINALS)]:
        gap = text[chain[-1].end() : following.start()]
        if not following["ordinal"] or not _JOINED.fullmatch(gap):
            break
        chain.append(following)
        last_gap = gap
    if len(chain) == 1 or last_gap == ", ":
        return chain[:1]
    last = chain[-1]
    plural = bool(last["what"]) and last["what"].endswith("s") and not last["what"].endswith("'s")
    forced = text.endswith(("both ", "both in ", "between "), 0, chain[0].start())
    alone = _SINGULAR.match(text, last.end())
    return chain if plural or forced or not alone else chain[:1]


def _ordinals(text: str, chain: Sequence[re.Match[str]], pictures: int, newest: int | None) -> Pointer:
    numbers: set[int] = set()
    problem = ""
    for match in chain:
        number = _ORDINALS[match["ord"]] or pictures
        if number > pictures:
            problem = f"there is no {match['ord']} image of {pictures}"
        numbers.add(number - 1)
    start, end = chain[0].start(), chain[-1].end()
    if len(numbers) > 1:
        either = " or " in text[chain[-2].end() : chain[-1].start()]
        return Pointer(start, end, frozenset(numbers), "some" if either else "together", problem)
    if newest is not None and chain[0]["ord"] == "last" and pictures > 1:
        # turn by turn, "the last photo" may be the newest or the one before
        return Pointer(start, end, frozenset((pictures - 2, pictures - 1)), "some")
    return Pointer(start, end, frozenset(numbers), "one", problem)


def _other(
    text: str,
    match: re.Match[str],
    pictures: int,
    newest: int | None,
    before: _Said,
) -> Pointer | None:
    start, end = match.span()
    everything = frozenset(range(pictures))
    said, named = match.group(), before.named

    def points(manner: Manner, to: frozenset[int] = everything, problem: str = "") -> Pointer:
        return Pointer(start, end, to, manner, problem)

    if match["range"]:
        count = _number(match["count"])
        if not match["counted"] and not (before.spoken and _NO_NOUN.match(text, end)):
            return None  # "the last two dogs"
        problem = f"there are no {count} images" if count > pictures else ""
        numbers = range(count) if match["edge"] == "first" else range(max(0, pictures - count), pictures)
        return points("together", frozenset(numbers), problem)
    if match["rest"]:
        some = next((one for one in reversed(before.spoken) if len(one) < pictures), None)
        rest = everything - (some or frozenset())
        count = _number(match["others"]) if match["others"] else len(rest)
        clear = some is not None and count == len(rest)
        return points("together", rest or everything, "" if clear else f"'{said}' is ambiguous")
    if match["both"]:
        return _both(text, match, pictures, named)
    if match["each"]:
        if said in ("each", "each one"):
            if pictures < 2 or named or _NO_EACH.match(text, end):
                return None
            return points("each" if _ONE_SAYS.match(text, end) else "together")
        return None if said in ("every", "every one") else points("each")
    if match["all"]:
        return _all(text, match, pictures)
    if match["none"]:
        return points("each")
    if match["plural"]:
        many = _number(match["many"]) if match["many"] else pictures
        return points("together", problem="" if many in (pictures, len(named)) else _not_so_many(said, pictures))
    if match["some"]:
        return points("some")
    if match["vague"]:
        return _vague(match, pictures, newest, before.spoken)
    return _numbered(text, match, pictures)


def _both(text: str, match: re.Match[str], pictures: int, named: frozenset[int]) -> Pointer | None:
    start, end = match.span()
    pronoun = bool(_PRONOUN_BOTH.match(text, end) or _BEFORE_BOTH.search(text[max(0, start - 8) : start]))
    if match.group() == "both":
        if _POINTER.match(text, end):
            return None
        if not pronoun and (named or pictures < 2 or not _COUNTED_BOTH.match(text, end)):
            return None
        if not pronoun and pictures > 2:  # "both wings"
            return None
    if len(named) == 2:
        return Pointer(start, end, named, "each")
    if named and match.group() == "both":  # "the first image shows two cats, and both are black"
        return None
    problem = "" if pictures == 2 else _not_so_many(match.group(), pictures)
    return Pointer(start, end, frozenset(range(pictures)), "each", problem)


def _all(text: str, match: re.Match[str], pictures: int) -> Pointer | None:
    start, end = match.span()
    count = match["of"] or match["bare_of"]
    speaks = _ALL_SAY.match(text, end)
    if match.group() == "all" and not (speaks and speaks.group().strip(" .,;!?")):
        return None
    if match["bare_of"] and not speaks and _number(count) != pictures:
        return None  # "all four wheels"
    if pictures < 2 and not match["of"]:
        return None
    problem = "" if not count or _number(count) == pictures else _not_so_many(match.group(), pictures)
    return Pointer(start, end, frozenset(range(pictures)), "each", problem)


def _vague(
    match: re.Match[str], pictures: int, newest: int | None, spoken: Collection[frozenset[int]]
) -> Pointer | None:
    start, end = match.span()
    said, side = match.group(), match["side"]
    if side and side not in _SIDES:
        return None  # "the wedding photo" is a thing, or style
    everything = frozenset(range(pictures))
    alone = next(iter(spoken)) if len(spoken) == 1 else everything
    if newest is None and len(alone) == 1 and re.fullmatch(rf"\w+ {_NOUN}(?:'s)?", said):
        return Pointer(start, end, alone, "one")
    if pictures == 1:
        return Pointer(start, end, everything, "one")
    plain = re.fullmatch(rf"\w+ (?:\w+ )?{_NOUN}(?:'s)?", said)
    if newest is not None and plain and (not side or side in _NEWEST):
        return Pointer(start, end, frozenset((newest,)), "one")
    if newest and side in _BEFORE:
        return Pointer(start, end, frozenset(range(newest)), "some")
    return Pointer(start, end, everything, "some", f"'{said}' is ambiguous")


def _numbered(text: str, match: re.Match[str], pictures: int) -> Pointer | None:
    words_ = re.findall(_NUM, match["list"])
    if not words_[-1].isdigit() and not _NO_NOUN.match(text, match.end()):
        return None  # "in view two dogs"
    numbers = [_number(word) for word in words_]
    beyond = [number for number in numbers if number > pictures]
    problem = f"there is no image {beyond[0]} of {pictures}" if beyond else ""
    return Pointer(
        match.start(),
        match.end(),
        frozenset(n - 1 for n in numbers),
        "one" if len(numbers) == 1 else "together",
        problem,
    )


def _not_so_many(said: str, pictures: int) -> str:
    return f"'{said}' does not fit {pictures} image{'s' if pictures != 1 else ''}"


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word]
