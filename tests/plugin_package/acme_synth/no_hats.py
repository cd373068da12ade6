"""A filter as a stranger writes it: one method and, here, one option."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from synth.backends.render.base import Rendered
from synth.filtering import Filter, Result, failed, passed
from synth.records import Candidate, Record, Stage


class NoHatsOptions(Record):
    word: str = Field("hat", description="what no prompt may show")


class NoHats(Filter):
    stages = ("prompt",)
    version = 3
    Options = NoHatsOptions
    options: NoHatsOptions

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        hats = sum(self.options.word in keyword for keyword in candidate.keywords)
        return failed(f"{hats} times '{self.options.word}'", hats) if hats else passed(0)
