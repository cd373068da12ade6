"""Drops what nobody wants in a training set about people: explicit words, and pictures of naked bodies.

Words are a short list, and no judgement of meaning. Pictures are looked at by the detector of the
package `nudenet`, whose weights come with it; where it is not installed the verdict is "not run",
never "passed". Not a moderation system: look at your data.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import Field

from synth.abilities import Ability
from synth.backends.render.base import Rendered
from synth.filtering import Filter, Result, failed, not_run, passed
from synth.records import Candidate, Record, Stage, Verdict
from synth.text import in_words

WORDS = """
nude naked topless bottomless undressed striptease erotic erotica sexual sexy porn pornography pornographic nsfw
fetish bondage genitals penis vagina nipple orgasm intercourse gore gory mutilated mutilation dismembered
decapitated beheaded disemboweled corpse torture suicide swastika nazi
""".split()  # noqa: SIM905

#: what of the detector's classes counts; covered or bare feet, bellies and armpits do not
EXPLICIT = frozenset(
    {
        "ANUS_EXPOSED",
        "BUTTOCKS_EXPOSED",
        "FEMALE_BREAST_EXPOSED",
        "FEMALE_GENITALIA_EXPOSED",
        "MALE_GENITALIA_EXPOSED",
    }
)
_LOCK = threading.Lock()


class SafetyOptions(Record):
    nudity: float = Field(0.4, ge=0, le=1, description="the detector's certainty from which a picture is dropped")
    also: list[str] = Field(default_factory=list, description="further words to ban")
    allow: list[str] = Field(default_factory=list, description="words of the built-in list to allow")


class Safety(Filter):
    """Text: fails on a banned word, inflections count. Pictures: the score is the highest certainty of an
    explicit part."""

    stages = ("prompt", "dialogue", "image")
    Options = SafetyOptions
    options: SafetyOptions
    again = frozenset({"nudity"})

    def __init__(self, options: SafetyOptions, ability: Ability) -> None:
        super().__init__(options, ability)
        self._banned = [word for word in [*WORDS, *options.also] if word not in options.allow]

    def check(self, candidate: Candidate, stage: Stage, pictures: Sequence[Rendered]) -> Result:
        if stage == "image":
            return self._look(pictures)
        texts = candidate.keywords if stage == "prompt" else [turn.text for turn in candidate.turns]
        together = " ".join(texts)
        for word in self._banned:
            if in_words(together, word):
                return failed(f"the word '{word}'")
        return passed()

    def check_again(self, candidate: Candidate, said: Verdict | None) -> Result | None:
        if said is None:
            return None
        return not_run(said.reason) if said.score is None else self._decide(said.score, said.picture)

    def _look(self, pictures: Sequence[Rendered]) -> Result:
        detector = _detector()
        if isinstance(detector, str):
            return not_run(detector)
        certainties = [round(_certainty(detector, picture), 3) for picture in pictures]
        highest = max(certainties)
        return self._decide(highest, certainties.index(highest))

    def _decide(self, certainty: float, picture: int | None) -> Result:
        if certainty >= self.options.nudity:
            return failed("the picture shows a naked body", certainty, picture)
        return passed(certainty)


def _detector() -> Any:
    """The detector, loaded once for all abilities, which judge at the same time; why not, where it cannot be."""
    with _LOCK:
        return _loaded()


@cache
def _loaded() -> Any:
    try:
        from nudenet import NudeDetector
    except ImportError as error:
        return f"pictures are not checked: {error} (pip install 'synth-vlit[nsfw]')"
    return NudeDetector()


def _certainty(detector: Any, picture: Rendered) -> float:
    import numpy as np

    pixels = np.asarray(picture.image.convert("RGB"))[:, :, ::-1]  # the library reads files as BGR
    found = detector.detect(np.ascontiguousarray(pixels))
    return max((float(one["score"]) for one in found if one["class"] in EXPLICIT), default=0.0)
