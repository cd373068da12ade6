"""What the engine asks of a scorer: how well does a picture match a text?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from synth.backends.render.base import Rendered


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """A picture, the keywords it was asked for, and the dialogue about it."""

    picture: Rendered
    keywords: tuple[str, ...]
    dialogue: str


@dataclass(frozen=True, slots=True)
class Score:
    """Higher is better. None where this scorer has nothing to say."""

    prompt: float | None
    dialogue: float | None


class Scorer(ABC):
    """Scores pictures against texts. Made by `create(argument)`; called from worker threads."""

    #: `auto` picks the available one with the highest rank; 0 is never picked
    auto_rank: ClassVar[int] = 0

    batch_size: int = 16

    @classmethod
    def available(cls) -> tuple[bool, str]:
        """Whether this machine can run it, and why (not): a line for `auto` and `synth doctor`."""
        return True, ""

    @classmethod
    @abstractmethod
    def create(cls, argument: str) -> Scorer: ...

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Name and model: what decides the scores."""

    def start(self) -> None:
        """Load the model."""

    @abstractmethod
    def score(self, requests: Sequence[ScoreRequest]) -> list[Score]: ...

    def close(self) -> None:
        """Release everything `start` took; safe to call twice."""
