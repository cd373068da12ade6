"""Drops dialogues that give a picture a color, a number, a thing or another word that it was not planned to have.

With several pictures the commonest mistake of a small model is to mix them up: "the first image shows a blue car",
where the second does. So what is said of one picture is compared with the keywords and the plan of that picture.
Where English leaves open which picture a clause speaks of, it is enough that one reading is right. Comparisons,
denials and what is said of the world ("apples are usually red") claim nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import Field

from synth.backends.render.base import Rendered
from synth.english.claims import Claim, Kind, Reader
from synth.english.colors import Colors, spelled
from synth.english.counting import counts
from synth.english.inflection import stem
from synth.english.pointing import Pointer, exchanges, label
from synth.english.telling import SEXES, meaningful, parts, relates
from synth.english.things import Things
from synth.english.vocabulary import COLORS
from synth.english.words import words
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Stage
from synth.text import all_stems

#: the bank of color names, with the fact `family`
_COLOR_BANK = "color"


class ContradictionOptions(Record):
    colors: bool = Field(True, description="whether color words are compared")
    counts: bool = Field(True, description="whether numbers of things are compared")
    words: bool = Field(
        False, description="whether words of one picture are compared that are said of another, with several pictures"
    )
    things: list[str] = Field(
        default_factory=list, description="keyword banks of the ability whose entries are compared, too"
    )


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

    def supports(self, claim: Claim) -> bool:
        if claim.kind == "color":
            return claim.said in self.colors or (claim.said in COLORS and claim.said in self.families)
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
        if root in self.facts or (root in SEXES and SEXES.isdisjoint(self.own)):
            return True
        return root in self.parts or not self.own.isdisjoint(parts(root))


class Contradiction(Filter):
    """Fails what a dialogue says of a picture that this picture was not planned to have."""

    stages = ("dialogue",)
    Options = ContradictionOptions
    options: ContradictionOptions

    def banks(self) -> list[str]:
        return self.options.things

    @cached_property
    def _reader(self) -> Reader:
        bank = self.vocabulary.get(_COLOR_BANK)
        named = [entry for entry in (bank.entries if bank else ()) if "family" in entry.facts]
        families = {" ".join(words(entry.text)): entry.facts["family"] for entry in named}
        entries = [entry for name in self.options.things for entry in self.vocabulary[name].entries]
        # "is: bird" of many: only the plan knows what "a bird" is in a picture, and it says so
        facts = Counter(value.lower() for entry in entries for value in entry.facts.values())
        categories = frozenset(stem(words(value)[-1]) for value, often in facts.items() if often > 2)
        options = self.options
        wanted: dict[Kind, bool] = {"color": options.colors, "number": options.counts, "thing": bool(options.things)}
        kinds = frozenset(kind for kind, is_wanted in wanted.items() if is_wanted)
        return Reader(Colors(families), Things((entry.text for entry in entries), categories), kinds)

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
            related = relates(words(turn.question))
            asked = turn.newest if candidate.form == "multi" and not related else None
            problem = self._problem(turn.answer, turn.pointers(turn.answer), arrived, apart, asked)
            if problem:
                return failed(f"the answer {problem}")
        return passed()

    def _planned(self, candidate: Candidate, number: int) -> Seen:
        """Keywords and plan of picture `number`, read for colors and numbers."""
        seen, colors = Seen(), self._reader.colors
        texts = list(candidate.images[number].keywords)
        for entry in candidate.plan_of(number).values():
            texts += [entry.text, *entry.facts.values()]
        for text in texts:
            items = [spelled(word) for word in words(text)]
            seen.stems.update(map(stem, items))
            for at in range(len(items)):
                for name in colors.named(items, at):
                    seen.colors[name] = None
                    seen.families.add(colors.families[name])
            for count in counts(items, articles=True):
                seen.numbers[count.value] = None
                for noun in count.nouns:
                    seen.counts.setdefault(noun, set()).add(count.value)
        drawn = candidate.picture_plans[number].values() if candidate.picture_plans else ()
        own = [*candidate.images[number].keywords, *(entry.text for entry in drawn)]
        seen.own = meaningful(own, colors, seen.stems)
        seen.parts = set().union(*map(parts, seen.own))
        seen.facts = set(all_stems([*own, *(text for entry in drawn for text in entry.facts.values())]))
        return seen

    def _problem(
        self,
        text: str,
        pointers: Sequence[Pointer],
        seen: Sequence[Seen],
        apart: frozenset[str],
        asked: int | None,
    ) -> str:
        default = () if asked is None else (Pointer(0, 0, frozenset((asked,)), "one"),)
        shown = frozenset[str]().union(*(one.stems for one in seen))
        told: set[str] = set()
        for claims in self._reader.read(text, pointers, shown, apart, default):
            for claim in claims:
                known = claim.kind == "word" and claim.definite and stem(claim.said) in told
                problem = "" if known else _wrong(claim, claims, seen)
                if problem:
                    return problem
                if claim.kind == "word":
                    told.add(stem(claim.said))
        return ""


def _wrong(claim: Claim, claims: Sequence[Claim], seen: Sequence[Seen]) -> str:
    """Why no reading of the claim is right, or ""."""
    everything = Pointer(0, 0, frozenset(range(len(seen))), "some")
    readings = claim.readings or (everything,)
    right = [one.supports(claim) for one in seen]
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


def _several(claim: Claim, pointer: Pointer, claims: Sequence[Claim]) -> bool:
    """Whether more than one thing of the kind is said of the pointer."""
    return len({one.said for one in claims if one.kind == claim.kind and pointer in one.readings}) > 1


def _apart(seen: Sequence[Seen]) -> frozenset[str]:
    """The stems that some picture has and some other has not."""
    known = frozenset[str]().union(*(one.own for one in seen))
    return frozenset(word for word in known if not all(one.has(word) for one in seen))


def _instead(claim: Claim, seen: Seen) -> str:
    """What the picture has in the place of the claim."""
    if claim.kind == "color" and seen.colors:
        return f", which has {', '.join(map(repr, list(seen.colors)[:3]))}"
    if claim.kind == "number" and seen.numbers:
        known = sorted(set().union(*(seen.counts.get(noun, ()) for noun in claim.nouns)) or seen.numbers)
        return f", which has {', '.join(map(str, known))}"
    return ", which does not have it"
