"""Pictures of any server that speaks OpenAI's Images protocol: vLLM-Omni, LocalAI, sd.cpp, LiteLLM, OpenAI itself.

api      what is asked, and what the answers mean
fetching pictures that an answer only points at      decoding  from untrusted bytes to a picture
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from synth.backends.endpoint.calling import Limits, Refused
from synth.backends.render.base import RemoteRenderer, Rendered, RenderRequest, RenderSettings
from synth.backends.render.openai_images.api import MOST_BYTES, Pictures, terms
from synth.errors import PictureRefused, SynthError

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_CONCURRENCY = 8
_RETRIES = 6
#: what synth itself puts into every request
_OURS = ("model", "prompt", "n", "size")


class OpenAIImages(RemoteRenderer):
    """`--renderer openai-images:MODEL [--render-base-url URL]`."""

    size = (1024, 1024)
    uses = frozenset(("base_url", "concurrency", "timeout", "retries", "patience", "price", "options"))

    def __init__(self, model: str, settings: RenderSettings) -> None:
        self._model = model
        self._options = settings.options
        #: a size that the run asks for is made; one that is only proposed need not be kept to
        self._sized = settings.width is not None or settings.height is not None
        self.workers = settings.concurrency or _CONCURRENCY
        retries = _RETRIES if settings.retries is None else settings.retries
        limits = Limits(self.workers, settings.timeout, retries, settings.patience, MOST_BYTES)
        self._endpoint = Pictures(model, settings.base_url, limits, settings.options, self._sized)
        self.attribution = f"Image generated with {model}"

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, terms(None).availability()

    @classmethod
    def create(cls, argument: str, settings: RenderSettings) -> OpenAIImages:
        if not argument:
            raise SynthError(
                "--renderer openai-images does not say which model.", "Use --renderer openai-images:MODEL."
            )
        for name in _OURS:
            if name in settings.options:
                raise SynthError(
                    f"render_settings.options.{name} is decided by synth.",
                    "Leave it out; the size is render_settings.width and render_settings.height.",
                )
        return cls(argument, settings)

    def identity(self) -> dict[str, Any]:
        return {"name": "openai-images", "model": self._model, "sized": self._sized, "options": self._options}

    @property
    def retries(self) -> int:
        return self._endpoint.retries

    def waiting(self) -> str:
        return self._endpoint.waiting()

    async def start(self) -> None:
        self._endpoint.open()

    async def close(self) -> None:
        self._endpoint.close()

    async def draw(self, request: RenderRequest) -> Rendered:
        try:
            picture, extra = await self._endpoint.ask(request)
        except Refused as refusal:
            self.bought += len(refusal.extra)
            raise PictureRefused(str(refusal)) from None
        self.bought += 1 + len(extra)
        image, notes = picture.image, list(picture.notes)
        if self._sized and image.size != (request.width, request.height):
            notes.append(f"came as {image.width}x{image.height} and was scaled and cropped")
            image = await asyncio.to_thread(_fitted, image, request.width, request.height)
        return Rendered(image, note="; ".join(notes))


def _fitted(image: PILImage, width: int, height: int) -> PILImage:
    from PIL import Image, ImageOps

    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
