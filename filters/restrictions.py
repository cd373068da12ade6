"""Verifies the task-specific restrictions of an ability (StableLLaVA, section 4.4).

The rules were put into the request; here the keywords are checked against them, because a model
that was told to show a person still draws a building.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth.abilities import Ability
from synth.backends.render.base import Rendered
from synth.filtering import Demand, Filter, Result, failed, passed
from synth.records import Candidate, Entry, Stage
from synth.text import all_stems, contains, content_stems, in_words, mentions


class Restrictions(Filter):
    """Fails prompts that break a restriction of the ability's YAML file."""

    stages = ("prompt",)

    def __init__(self, options: Any, ability: Ability) -> None:
        super().__init__(options, ability)
        phrases = [phrase for one in ability.restrictions for phrase in (*one.require_any, *one.forbid)]
        self._stems = {phrase: content_stems(phrase) for phrase in phrases}

    def verifies(self) -> set[Demand]:
        return {"rules"}

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        several = len(candidate.images) > 1
        for number, image in enumerate(candidate.images):
            problem = self._problem(image.keywords, candidate.plan_of(number))
            if problem:
                return failed(problem, picture=number if several else None)
        return passed()

    def _problem(self, keywords: Sequence[str], plan: Mapping[str, Entry]) -> str:
        """Which restriction the keywords of a picture break; a slot that was not drawn demands nothing."""
        stems = all_stems(keywords)
        for restriction in self.ability.restrictions:
            for slot in restriction.require:
                if slot in plan and not contains(stems, plan[slot].text, share=0.6):
                    return f"the prompt does not show the planned {slot} '{plan[slot]}'"
            for slot in restriction.require_first:
                if slot in plan and not mentions(keywords[0], plan[slot].text):
                    return f"the first keyword does not show the planned {slot} '{plan[slot]}'"
            wanted = restriction.require_any
            if wanted and not any(self._occurs(word, stems, keywords) for word in wanted):
                return f"none of {', '.join(restriction.require_any[:6])} is in the prompt"
            for word in restriction.forbid:
                if self._occurs(word, stems, keywords):
                    return f"'{word}' is in the prompt"
        return ""

    def _occurs(self, phrase: str, stems: frozenset[str], keywords: Sequence[str]) -> bool:
        """Whether a keyword contains `phrase`; its words alone rule out nearly all of them."""
        return self._stems[phrase] <= stems and any(in_words(keyword, phrase) for keyword in keywords)
