"""What the engine asks of a scorer: how well does a picture match a text?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from synth.records import Origin, Record

if TYPE_CHECKING:
    from synth.backends.render.base import Rendered


class ScoreSettings(Record):
    """What the scorer is told; each scorer uses what concerns it."""

    threshold: float | None = Field(
        None, ge=-1, le=1, description="score that a picture must exceed; default: the scorer's own, if it has one"
    )
    guided: bool = Field(False, description="also score the text that the VLIT review asks for")
    batch_size: int | None = Field(None, ge=1, le=4096, description="pictures scored together")
    device: str | None = Field(None, description="e.g. cuda:1 or cpu; default: a GPU if there is one")


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """A picture, the keywords it was asked for, and the dialogue about it: the answers alone, and the
    whole conversation with its questions. `siblings` are the keywords of the sample's other pictures."""

    picture: Rendered
    keywords: tuple[str, ...]
    dialogue: str
    conversation: str = ""
    siblings: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """Higher is better. None where this scorer has nothing to say. `siblings` are the scores of the picture
    against the keywords of the sample's other pictures, as far as it gives any."""

    prompt: float | None
    dialogue: float | None
    guided: float | None = None
    siblings: tuple[float, ...] = ()


class Scorer(ABC):
    """Scores pictures against texts. Made by `create(argument, settings)`; called from a worker thread, one batch
    at a time. Raises from `score` as a renderer does from `render`.

    It says how well they match, and in `threshold` from where on it calls that a match; whether a
    sample is dropped for it is a filter's decision.
    """

    #: the score that must be exceeded to be a match, or None: then the scores are only reported. The
    #: engine puts the user's `score_settings.threshold` in its place.
    threshold: float | None = None

    #: the kinds of pictures for which `auto` may pick it
    suits: ClassVar[tuple[Origin, ...]] = ("rendered", "preview")
    #: `auto` picks the available one with the highest rank; 0 is never picked
    auto_rank: ClassVar[int] = 0

    batch_size: int = 16

    @classmethod
    def available(cls) -> tuple[bool, str]:
        """Whether this machine can run it, and why (not): a line for `auto` and `synth doctor`."""
        return True, ""

    @classmethod
    def gpu_memory(cls) -> float:
        """GB that it takes of the first GPU, as `auto` would run it; for the memory plan of `synth doctor`."""
        return 0.0

    @classmethod
    @abstractmethod
    def create(cls, argument: str, settings: ScoreSettings) -> Scorer: ...

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Name and model: what decides the scores. The engine adds the threshold."""

    def start(self) -> None:
        """Load the model."""

    @abstractmethod
    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]: ...

    def close(self) -> None:
        """Release everything `start` took; safe to call twice."""
