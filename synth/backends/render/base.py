"""What the engine asks of a renderer: prompts in, pictures out. Most draw on this machine, many pictures at a
time (`Renderer`); others ask somebody else for each and wait (`RemoteRenderer`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from synth.records import Origin, Record

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


#: a picture whose brightness (0 to 255, scaled to 64 x 64 pixels) deviates less than this shows nothing
BLANK_DEVIATION = 4.0

ImageFormat = Literal["jpeg", "png", "webp"]


def _as_list(value: object) -> object:
    """One name is a list of one."""
    return [value] if isinstance(value, str) else value


class RenderSettings(Record):
    """Size and file format of pictures, how many prompts are rendered together, for diffusion models what is
    to differ from their preset, and how to reach an endpoint. None is the renderer's own choice. The API key is
    read from the environment and is not here."""

    width: int | None = Field(None, ge=64, le=4096)
    height: int | None = Field(None, ge=64, le=4096)
    batch_size: int | None = Field(None, ge=1, le=1024)
    image_format: ImageFormat = "jpeg"
    jpeg_quality: int = Field(95, ge=1, le=100)
    steps: int | None = Field(None, ge=1, le=1000)
    guidance: float | None = Field(None, ge=0, le=100)
    scheduler: str | None = None
    dtype: Literal["bfloat16", "float16", "float32"] | None = None
    revision: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    image_to_image: float | None = Field(None, gt=0, le=1)
    retries: int | None = Field(None, ge=0, le=10)
    compile: bool = False
    attention: str | None = None
    offload: bool = False
    device: Annotated[list[str] | None, BeforeValidator(_as_list)] = None
    presets: Path | None = None
    base_url: str | None = None
    concurrency: int | None = Field(None, ge=1, le=1024)
    timeout: float = Field(300.0, gt=0, description="seconds one picture may take")
    patience: float = Field(600.0, ge=0, description="seconds to wait out a rate limit (429) that lets nothing through")
    price: float = Field(0.0, ge=0, description="price of a picture")


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """`prompt` carries emphasis brackets; `keywords` are the same words without, in order.

    `previous` is the picture that this one shall begin from, of any size; `strength` (above 0, at most 1) says how
    far it may go from it. There is one only where `render_settings.image_to_image` is set.
    """

    prompt: str
    keywords: tuple[str, ...]
    negative_prompt: str
    seed: int
    width: int
    height: int
    previous: PILImage | None = field(default=None, hash=False)  # pictures compare by pixels and have no hash
    strength: float = 0.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished picture (RGB).

    `drawn` lists the keywords the renderer knows it put into the picture, or is None where it cannot
    know (any diffusion model). `seed` is the one that made the picture where that is not the request's:
    asked for with it, the picture comes again. `attempts` counts how often it was drawn where the renderer
    itself discards what is no good and draws again. `flaw` says why the renderer itself holds the picture to
    be unusable; the filter `picture` rejects it for that. `note` is what else is special about it.
    """

    image: PILImage
    drawn: tuple[str, ...] | None = None
    seed: int | None = None
    flaw: str = ""
    note: str = ""
    attempts: int = 1


class AnyRenderer(ABC):
    """What all renderers say of themselves. Made by `create(argument, settings)` as an `LLM` is."""

    deterministic: ClassVar[bool] = False
    origin: ClassVar[Origin] = "rendered"
    #: who made the parts of the picture, or the model, and under which licence; goes into every picture
    attribution: str = ""
    #: width and height of a picture where the settings say nothing
    size: tuple[int, int] = (512, 512)

    #: the settings that it uses beyond size and file format; None: any
    uses: ClassVar[frozenset[str] | None] = None

    #: `auto` picks the available one with the highest rank; 0 is never picked
    auto_rank: ClassVar[int] = 0

    batch_size: int = 1
    workers: int = 1

    @classmethod
    def available(cls) -> tuple[bool, str]:
        """Whether this machine can run it, and why (not): a line for `auto` and `synth doctor`."""
        return True, ""

    @classmethod
    def suits_auto(cls) -> bool:
        """Whether `auto` may pick it on this machine: one may be able to run and still be far too slow."""
        return True

    @classmethod
    def gpu_memory(cls) -> float:
        """GB that it takes of every GPU, as `auto` would run it; for the memory plan of `synth doctor`."""
        return 0.0

    @classmethod
    def diagnosis(cls) -> list[str]:
        """What `synth doctor` should say about it beyond that line."""
        return []

    @classmethod
    @abstractmethod
    def create(cls, argument: str, settings: RenderSettings) -> AnyRenderer: ...

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Name, model, revision, steps, sizes, batch size: what decides the pixels."""


class Renderer(AnyRenderer):
    """Turns prompts into pictures on this machine.

    The engine calls `render` from worker threads, at most `workers` calls at a time, with at most
    `batch_size` requests each; the i-th result belongs to the i-th request. A picture depends on
    its own request alone.

    `render` raises `BackendError` where the run cannot go on, and anything else for a request that is odd itself:
    its candidate fails for good. The engine finds out which of a batch it was, and takes no backend at its word
    that cannot draw a harmless prompt either (`flow.blame`).
    """

    def start(self) -> None:
        """Load the model."""

    @abstractmethod
    def render(self, requests: Sequence[RenderRequest]) -> list[Rendered]: ...

    def close(self) -> None:
        """Release everything `start` took; safe to call twice."""


class RemoteRenderer(AnyRenderer):
    """Has its pictures drawn elsewhere. The engine awaits `draw` on its event loop, at most `workers` at a time; where
    the other side allows fewer just now, the renderer itself lets them wait."""

    #: pictures that came, so those that have to be paid
    bought: int = 0

    @property
    def retries(self) -> int:
        """Requests repeated so far because of trouble that may pass."""
        return 0

    def waiting(self) -> str:
        """What requests wait for just now, in words for people, or "". Called from any thread."""
        return ""

    async def start(self) -> None:
        """Open connections."""

    @abstractmethod
    async def draw(self, request: RenderRequest) -> Rendered:
        """Raises `PictureRefused` where only this picture cannot be had, for its own prompt; `BackendError` where the
        run cannot go on."""

    async def close(self) -> None:
        """Release everything `start` took; safe to call twice."""
