"""Keeps samples whose picture matches the text (StableLLaVA, section 4.4, alignment check).

The scorer computes the score; this filter decides, strictly above the threshold. A scorer without
a threshold only reports, and without a scorer the filter says that it was not run.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from synth.backends.render.base import Rendered
from synth.filtering import Filter, Result, failed, not_run, passed
from synth.records import Candidate, Record, Stage


class AlignmentOptions(Record):
    threshold: float | None = Field(None, ge=-1, le=1, description="cosine that must be exceeded; default: report only")


class Alignment(Filter):
    """Single-turn samples are judged by picture against dialogue, others by picture against prompt."""

    stages = ("image",)
    Options = AlignmentOptions
    options: AlignmentOptions

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        wanted = "dialogue" if len(candidate.turns) == 2 else "prompt"
        score = candidate.scores.get(wanted)
        if score is None:
            return not_run(f"no scorer gave a score of picture against {wanted}")
        if self.options.threshold is None:
            return passed(round(score, 4))
        if score <= self.options.threshold:
            return failed(f"picture and {wanted} do not match", round(score, 4))
        return passed(round(score, 4))
