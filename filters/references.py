"""Keeps dialogues about several pictures clear about which picture they mean, and complete.

"The left picture shows a car" is worth nothing where pictures come one after another, and an answer that passes over
a picture teaches a model to do so. With one picture there is nothing to confuse.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from synth.backends.render.base import Rendered
from synth.english.inflection import stem
from synth.english.pointing import Exchange, exchanges, label
from synth.english.vocabulary import PICTURES, VIEWS
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Stage
from synth.text import all_stems, content_stems

#: words of answers and keywords alike that no picture needs to be seen for
_FRAME = frozenset(map(stem, (*PICTURES, *VIEWS, "show", "see")))


class ReferencesOptions(Record):
    sees: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the answers to new pictures that must name something from the keywords of those",
    )
    told: list[str] = Field(
        default_factory=list, description="for `sees`: slots that the model is told to say; their words do not count"
    )


class References(Filter):
    """Fails pointers that are ambiguous or lead nowhere, and dialogues that pass over one of several pictures."""

    stages = ("dialogue",)
    Options = ReferencesOptions
    options: ReferencesOptions

    def sources(self) -> list[str]:
        return self.options.told

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        if candidate.form == "single":
            return passed()
        turns = exchanges(candidate)
        spoken: set[int] = set()
        for turn in turns:
            if not candidate.from_pool:  # questions of the pool are a person's
                for pointer in turn.pointers(turn.question):
                    if pointer.problem:
                        return failed(f"the question is not clear: {pointer.problem}")
            for pointer in turn.pointers(turn.answer):
                if pointer.problem:
                    return failed(f"the answer is not clear: {pointer.problem}")
                if pointer.manner != "some":
                    spoken |= pointer.pictures
        if candidate.form == "multi":
            missing = [label(k, len(candidate.images)) for k in range(len(candidate.images)) if k not in spoken]
            if missing:
                return failed(f"no answer speaks of {' or '.join(missing)}")
        return self._sees(candidate, turns) if self.options.sees else passed()

    def _sees(self, candidate: Candidate, turns: Sequence[Exchange]) -> Result:
        """Score: the share of the answers that came with pictures and name something of them."""
        asked = [turn for turn in turns if turn.arrived > turn.before]
        seen = [turn for turn in asked if _names(candidate, turn, self.options.told)]
        share = round(len(seen) / (len(asked) or 1), 3)
        if share < self.options.sees:
            blind = next(turn for turn in asked if turn not in seen)
            return failed(f"the answer names nothing of its picture: '{blind.answer[:60]}'", share)
        return passed(share)


def _names(candidate: Candidate, turn: Exchange, told: Sequence[str]) -> bool:
    """Whether the answer has a word of its pictures that the slots `told` do not have: who only says what it was told
    to say need not have looked."""
    numbers = range(turn.before, turn.arrived)
    shown = all_stems(keyword for number in numbers for keyword in candidate.images[number].keywords)
    plans = [candidate.plan_of(number) for number in numbers]
    said = all_stems(plan[slot].text for plan in plans for slot in told if slot in plan)
    return bool((shown & content_stems(turn.answer)) - said - _FRAME)
