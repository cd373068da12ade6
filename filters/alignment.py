"""Keeps samples whose picture matches the text (StableLLaVA, section 4.4, alignment check).

The scorer computes the score; this filter decides, strictly above the threshold: the template's, or
else the scorer's own. Where neither says one it only reports, and without a score it says that it was
not run. It looks at recorded scores alone, so `synth refilter` can decide again at any time.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from synth.backends.render.base import Rendered
from synth.filtering import Filter, Result, failed, not_run, passed
from synth.records import Candidate, Record, Stage, Verdict


class AlignmentOptions(Record):
    threshold: float | None = Field(
        None, ge=-1, le=1, description="score that must be exceeded; default: the scorer's own, if it has one"
    )


class Alignment(Filter):
    """Samples of one picture and one question are judged by picture against dialogue, as in the paper. In
    longer ones an answer may speak of a detail alone, so each picture is judged against its own prompt."""

    stages = ("image",)
    Options = AlignmentOptions
    options: AlignmentOptions
    again = frozenset({"threshold"})

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        single = candidate.form == "single" and len(candidate.turns) == 2
        wanted = "dialogue" if single else "prompt"
        score = candidate.scores.get(wanted)
        if score is None:
            return not_run(f"no scorer gave a score of picture against {wanted}")
        threshold = self.scorer_threshold if self.options.threshold is None else self.options.threshold
        if threshold is not None and score <= threshold:
            return failed(f"picture and {wanted} do not match: the score is not above {threshold:g}", round(score, 4))
        return passed(round(score, 4))

    def check_again(self, candidate: Candidate, said: Verdict | None) -> Result:
        return self.check(candidate, "image", ())
