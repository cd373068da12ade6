"""What the engine asks of a renderer: a list of prompts in, a list of pictures out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from synth.records import Origin, Record

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class RenderSettings(Record):
    """Picture size in pixels and how many prompts are rendered together."""

    width: int = Field(512, ge=64, le=4096)
    height: int = Field(512, ge=64, le=4096)
    batch_size: int | None = Field(None, ge=1, le=1024)
    jpeg_quality: int = Field(95, ge=1, le=100)


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """`prompt` carries emphasis brackets; `keywords` are the same words without, in order."""

    prompt: str
    keywords: tuple[str, ...]
    negative_prompt: str
    seed: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished picture (RGB). `drawn` lists the keywords the renderer knows it put into the
    picture, or is None where it cannot know (any diffusion model)."""

    image: PILImage
    drawn: tuple[str, ...] | None = None


class Renderer(ABC):
    """Turns prompts into pictures. Made by `create(argument, settings)` as an `LLM` is.

    The engine calls `render` from worker threads, at most `workers` calls at a time, with at most
    `batch_size` requests each; the i-th result belongs to the i-th request. A picture depends on
    its own request alone.
    """

    deterministic: ClassVar[bool] = False
    origin: ClassVar[Origin] = "rendered"
    #: who made the parts of the picture and under which licence; goes into every picture
    attribution: ClassVar[str] = ""

    #: `auto` picks the available one with the highest rank; 0 is never picked
    auto_rank: ClassVar[int] = 0

    batch_size: int = 1
    workers: int = 1

    @classmethod
    def available(cls) -> tuple[bool, str]:
        """Whether this machine can run it, and why (not): a line for `auto` and `synth doctor`."""
        return True, ""

    @classmethod
    @abstractmethod
    def create(cls, argument: str, settings: RenderSettings) -> Renderer: ...

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Name, model, revision, steps, sizes, batch size: what decides the pixels."""

    def start(self) -> None:
        """Load the model."""

    @abstractmethod
    def render(self, requests: Sequence[RenderRequest]) -> list[Rendered]: ...

    def close(self) -> None:
        """Release everything `start` took; safe to call twice."""
