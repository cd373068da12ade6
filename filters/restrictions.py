"""Verifies the task-specific restrictions of an ability (StableLLaVA, section 4.4).

The rules were put into the request; here the keywords are checked against them, because a model
that was told to show a person still draws a building.
"""

from __future__ import annotations

from collections.abc import Sequence

from synth.backends.render.base import Rendered
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Stage
from synth.text import in_words, mentions


class Restrictions(Filter):
    """Fails prompts that break a restriction of the ability's YAML file."""

    stages = ("prompt",)

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        text = ", ".join(candidate.keywords)
        for restriction in self.ability.restrictions:
            for slot in restriction.require:
                if not mentions(text, candidate.plan[slot].text, share=0.6):
                    return failed(f"the prompt does not show the planned {slot} '{candidate.plan[slot]}'")
            if restriction.require_any and not any(in_words(text, w) for w in restriction.require_any):
                return failed(f"none of {', '.join(restriction.require_any[:6])} is in the prompt")
            for word in restriction.forbid:
                if in_words(text, word):
                    return failed(f"'{word}' is in the prompt")
        return passed()
