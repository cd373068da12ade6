"""Drops prompts with keywords that no picture can show (StableLLaVA, section 4.1: "the act of
growing"): sounds, smells, processes, thoughts, and talk about the picture's purpose."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from synth.abilities import Ability
from synth.backends.render.base import Rendered
from synth.english.inflection import stem
from synth.english.vocabulary import STOP_WORDS
from synth.english.words import words
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Stage
from synth.text import all_stems, in_words

NON_VISUAL = """
smell scent aroma fragrance odor stench fragrant smelly sound noise melody rhythm song echo silence silent
loud quiet noisy hum humming chirping buzzing whispering taste flavor flavour tasty delicious yummy savory
spicy growing growth evolving aging remembering forgetting thinking thought idea concept meaning symbolism
symbolic metaphor memory feeling emotion emotional mood nostalgia nostalgic hope freedom justice wisdom
intelligence knowledge importance significance tradition traditionally heritage history relationship
success failure motivation inspiration inspiring temperature humidity speed velocity weight price cost
expensive cheap economic political philosophy spiritual belief invisible unseen educational informative
useful usefulness comfortable comfort convenience durability reliable
""".split()  # noqa: SIM905


class NonVisualOptions(Record):
    also: list[str] = Field(default_factory=list, description="further words to ban")
    allow: list[str] = Field(default_factory=list, description="words of the built-in list to allow")


class NonVisual(Filter):
    """Fails a prompt if a keyword contains a banned word; inflections count."""

    stages = ("prompt",)
    Options = NonVisualOptions
    options: NonVisualOptions

    def __init__(self, options: NonVisualOptions, ability: Ability) -> None:
        super().__init__(options, ability)
        allowed = {stem(word) for word in options.allow}
        self._banned = {stem(word) for word in [*NON_VISUAL, *options.also]} - allowed
        self._content_only = self._banned.isdisjoint(map(stem, STOP_WORDS))

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        keywords = candidate.keywords
        if self._content_only and self._banned.isdisjoint(all_stems(keywords)):
            return passed()
        for keyword in keywords:
            for word in words(keyword):
                if stem(word) in self._banned and not _planned(candidate, word):
                    return failed(f"'{keyword}' cannot be seen ({word})")
        return passed()


def _planned(candidate: Candidate, word: str) -> bool:
    """A word of the plan is meant: "growing" in a plan says what the picture shows."""
    return any(in_words(entry.text, word) for plan in candidate.plans for entry in plan.values())
