"""Keeps prompts and dialogues short (StableLLaVA, section 4.4, length-based filtering).

Long prompts make inaccurate pictures; the paper allows ten keywords per prompt and 500 characters
per dialogue. A multi-turn dialogue is longer by nature, so there the limit holds per answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from synth.backends.render.base import Rendered
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Stage


class LengthOptions(Record):
    max_keywords: int = Field(10, ge=1)
    max_keyword_characters: int = Field(90, ge=10)
    max_characters: int = Field(500, ge=20)
    min_answer_words: int = Field(4, ge=1)


class Length(Filter):
    """Fails prompts with too many keywords and dialogues that are too long or hardly anything."""

    stages = ("prompt", "dialogue")
    Options = LengthOptions
    options: LengthOptions

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        return self._prompt(candidate) if stage == "prompt" else self._dialogue(candidate)

    def _prompt(self, candidate: Candidate) -> Result:
        most = max(len(image.keywords) for image in candidate.images)
        if most > self.options.max_keywords:
            return failed(f"{most} keywords, more than {self.options.max_keywords}", most)
        longest = max(candidate.keywords, key=len)
        if len(longest) > self.options.max_keyword_characters:
            return failed(f"a keyword of {len(longest)} characters is a sentence", len(longest))
        return passed(most)

    def _dialogue(self, candidate: Candidate) -> Result:
        answers = candidate.answers
        asked = sum(map(len, candidate.questions)) if len(answers) == 1 else 0
        size = asked + max(map(len, answers))
        if size > self.options.max_characters:
            return failed(f"{size} characters, more than {self.options.max_characters}", size)
        if any(len(answer.split()) < self.options.min_answer_words for answer in answers):
            return failed(f"an answer has fewer than {self.options.min_answer_words} words")
        return passed(size)
