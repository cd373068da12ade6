"""Which keywords are in the picture, for renderers that know what they drew.

Not a stand-in for CLIP: it reports what the preview renderer could show, and decides nothing. It does not compare a
picture with the prompts of its siblings: that it does not show their keywords says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synth.backends.score.base import Score, Scorer, ScoreRequest, ScoreSettings
from synth.errors import SynthError


class Coverage(Scorer):
    """Share of the prompt's keywords that the renderer says it drew, 0 to 1."""

    auto_rank = 1
    suits = ("preview",)

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, "counts the keywords a preview shows; reports, never rejects"

    @classmethod
    def create(cls, argument: str, settings: ScoreSettings) -> Coverage:
        if argument:
            raise SynthError(f"--scorer coverage:{argument}: coverage takes no argument.", "Use --scorer coverage.")
        return cls()

    def identity(self) -> dict[str, Any]:
        return {"name": "coverage"}

    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        return [self._one(request) for request in requests]

    @staticmethod
    def _one(request: ScoreRequest) -> Score:
        if request.picture.drawn is None:
            return Score(None, None)
        drawn = sum(keyword in request.picture.drawn for keyword in request.keywords)
        return Score(drawn / len(request.keywords), None)
