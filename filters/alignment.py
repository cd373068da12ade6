"""Keeps samples whose picture matches the text (StableLLaVA, section 4.4, alignment check).

The scorer computes the score; this filter decides, strictly above the threshold: the template's, or
else the scorer's own. Where neither says one it only reports, and without a score it says that it was
not run. It looks at recorded scores alone, so `synth refilter` can decide again at any time.

Of several pictures each has to match its own prompt; where what differs between them is the point, `margin` asks that
each match its own prompt better than those of its siblings.
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
    margin: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="several pictures: by how much each must match its own prompt better than its siblings' prompts",
    )


class Alignment(Filter):
    """Samples of one picture and one question are judged by picture against dialogue, as in the paper. In
    longer ones an answer may speak of a detail alone, so each picture is judged against its own prompt."""

    stages = ("image",)
    Options = AlignmentOptions
    options: AlignmentOptions
    again = frozenset({"threshold", "margin"})

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        wanted = "dialogue" if candidate.form == "single" and len(candidate.turns) == 2 else "prompt"
        score = candidate.scores.get(wanted)
        if score is None:
            return not_run(f"no scorer gave a score of picture against {wanted}")
        threshold = self.scorer_threshold if self.options.threshold is None else self.options.threshold
        if threshold is not None and score <= threshold:
            reason = f"picture and {wanted} do not match: the score is not above {threshold:g}"
            return failed(reason, round(score, 4), _lowest(candidate.picture_scores("prompt")))
        if self.options.margin is not None and candidate.form != "single":
            margin = candidate.scores.get("margin")
            if margin is None:
                return not_run("no scorer compared the pictures with the prompts of their siblings")
            if margin <= self.options.margin:
                reason = f"a picture matches a sibling's prompt too well: its lead is not above {self.options.margin:g}"
                return failed(reason, round(margin, 4), _lowest(candidate.picture_scores("margin")))
        return passed(round(score, 4))

    def check_again(self, candidate: Candidate, said: Verdict | None) -> Result:
        return self.check(candidate, "image", ())


def _lowest(scores: Sequence[float | None]) -> int | None:
    """Which picture has the lowest score; None where there are none of single pictures."""
    known = [(score, number) for number, score in enumerate(scores) if score is not None]
    return min(known)[1] if known else None
