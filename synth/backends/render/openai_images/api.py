"""What an endpoint of pictures is asked, and what its answers mean.

OpenAI's fields are `model`, `prompt`, `size` and `response_format`; `seed` and `negative_prompt` are extensions
that most self-hosted servers take. OpenAI's newer models know no `response_format` (they answer in base64
anyway) and no extensions. So all are sent, and what an endpoint refuses by name is left out for the rest of
the session, which each picture made without it says.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from synth.backends.endpoint.calling import Endpoint, Limits, Terms, Unreadable, Withheld
from synth.backends.endpoint.complaint import Complaint
from synth.backends.render.base import RenderRequest
from synth.backends.render.emphasis import plain
from synth.backends.render.openai_images.decoding import NoPicture, decode
from synth.backends.render.openai_images.fetching import Fetcher, Forbidden, NotFetched

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

#: a lossless picture of 4096 x 4096 pixels in base64
MOST_BYTES = 64 << 20
_PATH = "/images/generations"
_OWN_KEY, _OPENAI_KEY = "SYNTH_RENDER_API_KEY", "OPENAI_API_KEY"
_HARMLESS = "a gray stone on a white table"
#: what can be done without, the first that is refused first
_OPTIONAL = ("response_format", "negative_prompt", "seed")
#: codes of refusals for content (OpenAI, Azure, gateways), without case and punctuation
_FOR_CONTENT = ("contentpolicyviolation", "moderationblocked", "contentfilter", "contentsafetyviolation")
#: Characters that are commands to some servers wherever they stand in a prompt: `<...>` loads adapters and sets
#: parameters (sd.cpp), `|` begins the negative prompt (LocalAI). Prompts are written by a language model.
_COMMANDS = str.maketrans({"<": " ", ">": " ", "|": ","})
_LONGEST_NOTE = 600

#: the optional fields that the endpoint has refused
Without = frozenset[str]


def terms(base_url: str | None) -> Terms:
    """A key is sent only to whom it was given for: OpenAI's not to another address, nor the language model's."""
    return Terms(
        backend="--renderer openai-images",
        path=_PATH,
        noun="image generation",
        flag="--render-base-url",
        fewer="render_settings.concurrency",
        section="render_settings",
        keys=(_OWN_KEY,) if base_url else (_OWN_KEY, _OPENAI_KEY),
        advice="Do what it says (name of the model, size, render_settings.options), then run the same command again; "
        "it goes on where it stopped. Size and options belong to the run's identity: to change those where pictures "
        "are there already, give a new --out.",
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """RGB; `notes` say how it is not quite what was asked for."""

    image: PILImage
    notes: tuple[str, ...] = ()


class Pictures(Endpoint[RenderRequest, Picture, Without]):
    """`options` are fields beside ours, and instead of the optional ones: null leaves one out. With `sized` the run
    insists on the size, else an endpoint that knows no sizes may do as it likes."""

    def __init__(self, model: str, base_url: str | None, limits: Limits, options: dict[str, Any], sized: bool) -> None:
        super().__init__(model, base_url, limits, terms(base_url), frozenset())
        self._options = options
        self._optional = [name for name in (*_OPTIONAL, *(() if sized else ("size",))) if name not in options]
        self._fetcher = Fetcher(self.base_url, self.authorization(), limits.timeout, MOST_BYTES)

    def _fields(self, asked: RenderRequest, without: Without) -> dict[str, Any]:
        fields = {
            "model": self.model,
            "prompt": plain(asked.prompt).translate(_COMMANDS),
            "size": f"{asked.width}x{asked.height}",
            "response_format": "b64_json",
            "seed": asked.seed,
            "negative_prompt": plain(asked.negative_prompt) or None,
        }
        kept = {name: value for name, value in fields.items() if name not in without}
        return {name: value for name, value in {**kept, **self._options}.items() if value is not None}

    def encode(self, asked: RenderRequest, form: Without) -> bytes:
        import orjson

        return orjson.dumps(self._fields(asked, form))

    def harmless(self, like: RenderRequest) -> RenderRequest:
        return replace(like, prompt=_HARMLESS, negative_prompt="")

    def adapted(self, body: bytes, asked: RenderRequest, form: Without) -> Without | None:
        sent = self._fields(asked, form)
        texts = (sent["prompt"], sent.get("negative_prompt", ""))
        complaint = Complaint.read(body, frozenset(sent), *texts)
        refused = (name for name in self._optional if name in sent and complaint.refuses(name))
        name = next(refused, None)
        return None if name is None else form | {name}

    def is_for_content(self, body: bytes) -> bool:
        return any("".join(filter(str.isalnum, code)).lower() in _FOR_CONTENT for code in _codes(body))

    async def read(self, body: bytes, asked: RenderRequest, form: Without) -> Picture:
        import orjson

        try:
            pictures = orjson.loads(body)["data"]
            first = pictures[0] if pictures else {"url": None}
            encoded, url, revised = first.get("b64_json"), first.get("url"), first.get("revised_prompt")
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            raise self._unreadable(body) from None
        if isinstance(url, str) and url.startswith("data:"):
            encoded, url = url.partition(",")[2], None
        if not encoded and not url and not {"b64_json", "url"} & first.keys():
            raise self._unreadable(body)
        if not encoded and not url:  # xAI's servers say so that a picture was blocked
            raise Withheld("the endpoint answers without a picture, as some do for what they withhold")
        try:
            raw = await self._fetched(str(url)) if not encoded else await asyncio.to_thread(_unpacked, encoded)
            image = await asyncio.to_thread(decode, raw)
        except NoPicture as error:
            raise Unreadable(f"the endpoint sent no picture: {self.clean(str(error))}") from None
        return Picture(image, tuple(self._notes(asked, form, revised)))

    async def _fetched(self, url: str) -> bytes:
        try:
            return await self._fetcher.fetch(url)
        except NotFetched as error:
            raise Unreadable(f"a picture could not be fetched: {self.clean(str(error))}") from None
        except Forbidden as error:
            raise self.stop(
                f"{self.base_url} says that a picture is where synth fetches none: {self.clean(str(error))}",
                "Let the endpoint answer in base64; docs/renderers.md says what is fetched.",
            ) from None

    def _unreadable(self, body: bytes) -> Unreadable:
        said = self.quote(body, 100)
        return Unreadable(f"the answer is no list of pictures: {said}" if said else "the answer is empty")

    def _notes(self, asked: RenderRequest, without: Without, revised: object) -> Iterator[str]:
        """What of the request the endpoint did not see or changed."""
        unseen = without - {"response_format"} - (set() if asked.negative_prompt else {"negative_prompt"})
        if unseen:
            yield f"not sent, because the endpoint refuses it: {', '.join(sorted(unseen))}"
        if isinstance(revised, str) and revised:
            yield f"the endpoint's own prompt: {self.clean(revised)[:_LONGEST_NOTE]}"


def _unpacked(encoded: object) -> bytes:
    if not isinstance(encoded, str):
        raise NoPicture("its base64 is not a text")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoPicture(f"its base64 is damaged ({error})") from None


def _codes(body: bytes) -> Iterator[str]:
    """The codes and types in an error, however deep."""
    import orjson

    try:
        found = [orjson.loads(body)]
    except orjson.JSONDecodeError:
        return
    while found:
        one = found.pop()
        if isinstance(one, dict):
            yield from (value for name in ("code", "type") if isinstance(value := one.get(name), str))
            found += one.values()
        elif isinstance(one, list):
            found += one
