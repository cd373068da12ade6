"""Any OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp, Ollama and TGI servers, OpenAI itself.

Not built on the openai package, which takes some twenty times the processor time of aiohttp and would hold up
a fast endpoint. The API key comes from the environment alone, goes to the endpoint alone and into no message.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from synth.backends.llm.base import LLM, ChatReply, ChatRequest, LLMSettings
from synth.backends.llm.dialect import Dialect, Encoder
from synth.backends.llm.retrying import Backoff, retry_after
from synth.errors import BackendError, ReplyError, SynthError

if TYPE_CHECKING:
    import aiohttp

_log = logging.getLogger(__name__)

_OPENAI = "https://api.openai.com/v1"
_KEY_NAMES = ("SYNTH_API_KEY", "OPENAI_API_KEY")
_CONCURRENCY = 32
_CONNECT_SECONDS = 15.0
_LONGEST_WAIT = 600.0
#: Requests in a row that nothing could be got for, before the endpoint and not the request is to blame.
_IN_A_ROW = 3
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LOCAL = ("localhost", "127.0.0.1", "::1")


class OpenAICompatible(LLM):
    """`--llm openai:MODEL [--base-url URL]`."""

    def __init__(self, model: str, settings: LLMSettings) -> None:
        self.model = model
        self.concurrency = settings.concurrency or _CONCURRENCY
        self._settings = settings
        self._key = next((os.environ[name].strip() for name in _KEY_NAMES if os.environ.get(name)), "")
        self._base_url, self._login = _split_login(_base_url(settings.base_url, self._key))
        self._secrets = _secrets(self._key, self._login)
        self._url = f"{self._base_url}/chat/completions"
        self._encoder = Encoder(model)
        self._dialect = Dialect()
        self._backoff = Backoff()
        self._session: aiohttp.ClientSession | None = None
        self._proxy: str | None = None
        self._given_up_in_a_row = 0
        self._down: BackendError | None = None

    @classmethod
    def available(cls) -> tuple[bool, str]:
        for name in _KEY_NAMES:
            if os.environ.get(name):
                return True, f"{name} is set"
        return True, "needs --base-url, or OPENAI_API_KEY in the environment"

    @classmethod
    def create(cls, argument: str, settings: LLMSettings) -> OpenAICompatible:
        if not argument:
            raise SynthError("--llm openai does not say which model.", "Use --llm openai:MODEL.")
        return cls(argument, settings)

    def identity(self) -> dict[str, Any]:
        return {"name": "openai", "model": self.model}

    async def start(self) -> None:
        if self._session is not None:
            return
        import aiohttp

        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        elif self._login:
            headers["Authorization"] = "Basic " + base64.b64encode(self._login.encode()).decode()
        self._proxy = _proxy(self._base_url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.concurrency),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout, sock_connect=_CONNECT_SECONDS),
        )

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def chat(self, request: ChatRequest) -> ChatReply:
        tries = self._settings.retries + 1
        attempt = 0
        while True:
            if self._down is not None:
                raise BackendError(self._down.message, self._down.fix)
            if pause := self._backoff.held():
                await asyncio.sleep(pause)
            dialect = self._dialect
            try:
                reply = await self._once(request, dialect)
            except _Adapt as change:
                self._learn(dialect, change)
                continue
            except _Again as trouble:
                attempt += 1
                if attempt >= tries:
                    raise self._give_up(trouble, tries) from None
                await self._wait(trouble, attempt - 1)
                continue
            self._given_up_in_a_row = 0
            return reply

    async def _once(self, request: ChatRequest, dialect: Dialect) -> ChatReply:
        import aiohttp

        session = self._session
        if session is None:
            raise BackendError("The connection to the endpoint is not open.", "Call start() first.")
        body = self._encoder.encode(request, dialect)
        try:
            async with session.post(self._url, data=body, allow_redirects=False, proxy=self._proxy) as answer:
                raw = await answer.read()
                if answer.status == 200:
                    return self._reply(raw, dialect)
                self._refused(answer.status, answer.headers, raw, dialect)
        except aiohttp.ConnectionTimeoutError:
            raise _Again(f"no connection within {_CONNECT_SECONDS:g} seconds", gone=True) from None
        except TimeoutError:
            raise _Again(f"no answer within {self._settings.timeout:g} seconds") from None
        except aiohttp.InvalidURL:
            raise SynthError(f"{self._base_url} is not a usable address.", "Check --base-url.") from None
        except aiohttp.ClientSSLError as error:
            raise self._stop(
                f"The certificate of {self._base_url} cannot be verified: {self._clean(str(error))}",
                "Check the address and the machine's certificates (SSL_CERT_FILE names additional ones).",
            ) from None
        except aiohttp.ClientConnectorError as error:
            raise _Again(f"no connection ({self._clean(str(error))})", gone=True) from None
        except aiohttp.ClientError as error:
            raise _Again(f"the connection broke off ({type(error).__name__})") from None
        raise AssertionError("unreachable")

    def _reply(self, raw: bytes, dialect: Dialect) -> ChatReply:
        import orjson

        try:
            data = orjson.loads(raw)
            choice = data["choices"][0]
            message = choice["message"]
            content = message.get("content")
            finish = choice.get("finish_reason")
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            raise _Again(f"an answer that is no chat completion ({len(raw)} bytes)") from None
        if not isinstance(content, str) or not content or finish == "content_filter":
            raise self._no_text(message, finish)
        usage = data.get("usage")
        if not isinstance(usage, dict):
            usage = {}
        details = usage.get("prompt_tokens_details")
        return ChatReply(
            content,
            dialect.mode,
            _count(usage.get("prompt_tokens")),
            _count(details.get("cached_tokens")) if isinstance(details, dict) else 0,
            _count(usage.get("completion_tokens")),
            finish == "length",
        )

    def _no_text(self, message: dict[str, Any], finish: object) -> ReplyError:
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal:
            return ReplyError(f"the model refused: {self._clean(refusal)}")
        if finish == "content_filter":
            return ReplyError("the endpoint's content filter withheld the reply")
        if finish == "length":
            return ReplyError(
                "the reply ended at max_tokens before any text",
                "A model that thinks first needs a larger --max-tokens.",
            )
        return ReplyError(f"the reply has no text (its content is {type(message.get('content')).__name__})")

    def _refused(self, status: int, headers: Any, raw: bytes, dialect: Dialect) -> None:
        """Raise what an answer other than 200 means."""
        said = self._clean(raw[:4000].decode("utf-8", "replace"))
        if status in (401, 403):
            if self._key:
                raise self._stop(
                    f"{self._base_url} does not accept the API key ({status}).",
                    f"Set OPENAI_API_KEY (or SYNTH_API_KEY, which goes first) to a key that may use {self.model}.",
                )
            raise self._stop(f"{self._base_url} wants an API key ({status}).", "Set OPENAI_API_KEY.")
        if status in (404, 405):
            raise self._stop(
                f"{self._base_url} has no model {self.model}, or no chat completions ({status}): {said}",
                "Check the model's name and --base-url, which usually ends in /v1.",
            )
        if status == 402 or (status == 429 and "insufficient_quota" in said):
            raise self._stop(f"The account at {self._base_url} has no credit left: {said}", "Add credit, then resume.")
        if 300 <= status < 400:
            where = self._clean(_split_login(headers.get("Location", ""))[0]) or "an unnamed address"
            raise self._stop(
                f"{self._base_url} redirects to {where}; the API key is not sent there.",
                "If you trust that address, give it as --base-url.",
            )
        if status in (408, 425, 429) or status >= 500:
            after = retry_after(headers.get("Retry-After"))
            raise _Again(f"status {status}: {said}", after=after, gone=status == 429)
        if status in (400, 422):
            following = dialect.after(said)
            if following is not None:
                raise _Adapt(following, said)
        raise ReplyError(f"the endpoint refuses the request ({status}): {said}")

    def _learn(self, used: Dialect, change: _Adapt) -> None:
        """Remember a refusal once, however many requests in flight ran into it."""
        if self._dialect is used:
            self._dialect = change.following
            _log.info("the endpoint refused a field; now %s (%s)", change.following, change.said)

    async def _wait(self, trouble: _Again, attempt: int) -> None:
        delay = self._backoff.delay(attempt)
        if trouble.after is not None:
            if trouble.after > _LONGEST_WAIT:
                raise self._stop(
                    f"{self._base_url} asks to wait {trouble.after / 60:.0f} minutes.",
                    "Run the same command again then; it goes on where it stopped.",
                )
            self._backoff.hold_all(trouble.after)
            delay = trouble.after + min(delay, 1.0)
        await asyncio.sleep(delay)

    def _give_up(self, trouble: _Again, tries: int) -> BackendError | ReplyError:
        self._given_up_in_a_row += 1
        times = f"{tries} tries" if tries > 1 else "one try"
        if trouble.gone or self._given_up_in_a_row >= _IN_A_ROW:
            return self._stop(
                f"{self._base_url} cannot be used: after {times}, {trouble}.",
                "Check that it runs, then run the same command again; it goes on where it stopped.",
            )
        return ReplyError(f"after {times}: {trouble}")

    def _stop(self, message: str, fix: str) -> BackendError:
        """An error for this request and, at once, for all others: the endpoint will not change its mind."""
        self._down = BackendError(message, fix)
        return self._down

    def _clean(self, text: str) -> str:
        """What a server says, without secrets and terminal controls, and short."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return _UNPRINTABLE.sub(" ", text).strip()[:300]


class _Again(Exception):
    """Worth another try. `gone`: if it stays like this, the endpoint is to blame, not the request."""

    def __init__(self, what: str, after: float | None = None, gone: bool = False) -> None:
        super().__init__(what)
        self.after = after
        self.gone = gone


class _Adapt(Exception):
    """The endpoint does not know something we can do without."""

    def __init__(self, following: Dialect, said: str) -> None:
        super().__init__(said)
        self.following = following
        self.said = said


def _base_url(given: str | None, key: str) -> str:
    if not given:
        if not key:
            raise SynthError(
                "--llm openai does not know where to go.",
                "Give the endpoint with --base-url URL, or set OPENAI_API_KEY to use OpenAI's.",
            )
        return _OPENAI
    try:
        parts = urlsplit(given.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise SynthError("--base-url is not an http or https address.", "Example: --base-url http://localhost:8000/v1")
    return given.strip().rstrip("/").removesuffix("/chat/completions")


def _split_login(url: str) -> tuple[str, str]:
    """The URL without `user:password@`, and that. Kept apart so that no message can show it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), login


def _secrets(key: str, login: str) -> list[str]:
    """Longest first, so that a part never breaks up the whole."""
    found = {key, login, login.partition(":")[2], base64.b64encode(login.encode()).decode()}
    return sorted(found - {""}, key=len, reverse=True)


def _proxy(url: str) -> str | None:
    """The environment's proxy for the endpoint, looked up once; aiohttp would look at every request."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.hostname in _LOCAL:
        return None
    with contextlib.suppress(OSError):
        if proxy_bypass(parts.hostname):
            return None
    return getproxies().get(parts.scheme)


def _count(value: object) -> int:
    """A token count of an endpoint, which may send anything."""
    return value if type(value) is int and value >= 0 else 0
