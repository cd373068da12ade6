"""Any OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp, Ollama and TGI servers, OpenAI itself.

Not built on the openai package, which takes many times the processor time and would hold up a fast
endpoint. The API key comes from the environment alone, goes to the endpoint alone and into no message.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import os
import re
import ssl
import time
from collections import Counter
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import unquote_plus, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from synth.backends.llm.base import LLM, ChatReply, ChatRequest, LLMSettings
from synth.backends.llm.dialect import Complaint, Dialect, Encoder
from synth.backends.llm.posting import Answer, BrokenOff, NoConnection, Poster
from synth.backends.llm.retrying import Backoff, RateLimit, retry_after
from synth.errors import BackendError, ReplyError, SynthError

_log = logging.getLogger(__name__)

_OPENAI = "https://api.openai.com/v1"
_KEY_NAMES = ("SYNTH_API_KEY", "OPENAI_API_KEY")
_CONCURRENCY = 32
_CONNECT_SECONDS = 15.0
#: Requests refused in a row, each for its own content, after which the run stops. Refusals are quicker than replies:
#: some of those in flight at once say nothing about the others, so this is beside several times the concurrency.
_REFUSED_IN_A_ROW = 48
#: What is asked instead of a request that failed, to find out whether the request or the endpoint is to blame.
_HARMLESS = "This is only a test. Answer briefly."
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_SECRET_NAME = re.compile(r"key|token|secret|sig|code|pass|auth", re.IGNORECASE)
_CHARACTERS_PER_TOKEN = 4
_LOCAL = ("localhost", "127.0.0.1", "::1")


class OpenAICompatible(LLM):
    """`--llm openai:MODEL [--base-url URL]`."""

    def __init__(self, model: str, settings: LLMSettings) -> None:
        self.model = model
        self.concurrency = settings.concurrency or _CONCURRENCY
        self._settings = settings
        self._key = next((os.environ[name].strip() for name in _KEY_NAMES if os.environ.get(name)), "")
        address, self._login = _split_login(_base_url(settings.base_url, self._key))
        parts = urlsplit(address)
        self._base_url = urlunsplit(parts._replace(query=""))  # as messages show it; a query may hold a key
        self._url = urlunsplit(parts._replace(path=f"{parts.path}/chat/completions"))
        self._secrets = _secrets(self._key, self._login, *_query_secrets(parts.query))
        self._encoder = Encoder(model)
        self._dialect = Dialect()
        self._backoff = Backoff()
        self._limit = RateLimit(self.concurrency)
        self._waits: dict[object, tuple[float, str]] = {}
        self._poster: Poster | None = None
        self._answers: Counter[str] = Counter()
        self._refused_in_a_row = 0
        self._doubt = asyncio.Lock()
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
        if self._poster is not None:
            return
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        elif self._login:
            headers["Authorization"] = "Basic " + base64.b64encode(self._login.encode()).decode()
        try:
            self._poster = Poster(self._url, headers, _proxy(self._base_url), _CONNECT_SECONDS)
        except ValueError as error:
            raise SynthError(
                f"{self._base_url} cannot be used: {self._clean(str(error))}.",
                "Check --base-url, the API key and the proxy in the environment.",
            ) from None

    async def close(self) -> None:
        poster, self._poster = self._poster, None
        if poster is not None:
            poster.close()

    async def chat(self, request: ChatRequest) -> ChatReply:
        try:
            return await self._persist(request, self._settings.retries + 1)
        except _Failed as failure:
            return await self._after(failure, request)

    async def _after(self, failure: _Failed, request: ChatRequest) -> ChatReply:
        """What becomes of a request that failed for good.

        A candidate may only fail for its own content: rows are final, and what fails with the endpoint must be
        made again when it is well. So either the endpoint is shown to answer other requests, or the run stops.
        """
        probes = [await self._acquit(failure, request)]
        if not failure.refused:  # it may have been a breakdown that is over
            try:
                return _with_cost(await self._persist(request, 1), probes)
            except ReplyError as unusable:
                if unusable.reply is not None:
                    unusable.reply = _with_cost(unusable.reply, probes)
                raise
            except _Failed as again:
                failure = again
                probes.append(await self._acquit(failure, request))
        if failure.refused:
            self._count_refusal(failure)
        appended, left_out = self._difference(request, self._dialect)
        nothing = ChatReply("", self._dialect.mode, appended=appended, left_out=left_out)
        raise ReplyError(str(failure), reply=_with_cost(nothing, probes))

    async def _acquit(self, failure: _Failed, request: ChatRequest) -> ChatReply | None:
        """Return if the endpoint answers requests with the same beginning: others were answered while this one
        failed, or a harmless one is answered now (returned, because it costs). Raises `BackendError` if not."""
        async with self._doubt:
            self._check_up()
            if self._answers[request.shared.key] > failure.answers:
                return None
            try:
                return await self._persist(replace(request, message=_HARMLESS), 1)
            except ReplyError as odd:
                return odd.reply
            except _Failed as probe:
                raise self._everything(failure, probe) from None

    def _everything(self, failure: _Failed, probe: _Failed) -> BackendError:
        """The error when a harmless request (`probe`) fares no better than the one that failed."""
        if probe.status == 403:
            return self._no_access(str(probe))
        if not failure.refused:
            return self._unusable(failure)
        return self._stop(
            f"{self._base_url} refuses every request to {self.model}, not only this one: {failure}",
            "Do what it says (name of the model, parameters, length of its context), then run the same command again; "
            "it goes on where it stopped. Sampling, max_tokens and the example pool belong to the run's identity: to "
            "change those, give a new --out.",
        )

    def _no_access(self, said: str) -> BackendError:
        if not self._key:
            return self._stop(f"{self._base_url} wants an API key: {said}", "Set OPENAI_API_KEY.")
        return self._stop(
            f"{self._base_url} does not accept the API key: {said}",
            f"Set OPENAI_API_KEY (or SYNTH_API_KEY, which goes first) to a key that may use {self.model}.",
        )

    def _count_refusal(self, failure: _Failed) -> None:
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= _REFUSED_IN_A_ROW + 4 * self.concurrency:
            raise self._stop(
                f"{self._base_url} has refused {self._refused_in_a_row} requests in a row for what is in them, the "
                f"last one like this: {failure}",
                "Look at some with 'synth show'. The same command goes on with the next candidates; another model or "
                "template needs a new --out.",
            )

    async def _persist(self, request: ChatRequest, tries: int) -> ChatReply:
        """Ask until there is an answer; raises `_Failed` after a refusal and after `tries` breakdowns. Being asked to
        come back later (429) is neither: that is waited out."""
        attempt = limited = 0
        while True:
            await self._limit.enter()
            try:
                while pause := self._backoff.held():  # another answer may make it longer meanwhile
                    await asyncio.sleep(pause)
                self._check_up()
                dialect, sent = self._dialect, time.monotonic()
                answers = self._answers[request.shared.key]
                return await self._once(request, dialect)
            except _Adapt as change:
                self._learn(dialect, change)
                continue
            except _Failed as refusal:
                refusal.answers = answers
                raise
            except _Again as again:
                trouble = again
            finally:
                self._limit.leave()
            if trouble.limited:
                self._check_patience(trouble, self._limit.refused(sent))
                await self._wait(trouble, limited)
                limited += 1
                continue
            attempt += 1
            if attempt >= tries:
                times = f"{tries} tries" if tries > 1 else "one try"
                failure = _Failed(f"after {times}: {trouble}", answers=answers)
                raise (self._unusable(failure) if trouble.gone else failure) from None
            await self._wait(trouble, attempt - 1)

    async def _once(self, request: ChatRequest, dialect: Dialect) -> ChatReply:
        if self._poster is None:
            raise BackendError("The connection to the endpoint is not open.", "Call start() first.")
        body = self._encoder.encode(request, dialect)
        try:
            async with asyncio.timeout(self._settings.timeout):
                answer = await self._poster.post(body)
        except TimeoutError:
            raise _Again(f"no answer within {self._settings.timeout:g} seconds") from None
        except ssl.SSLCertVerificationError as error:
            raise self._stop(
                f"The certificate of {self._base_url} cannot be verified: {self._clean(str(error))}",
                "Check the address and the machine's certificates (SSL_CERT_FILE names additional ones).",
            ) from None
        except NoConnection as error:
            raise _Again(f"no connection ({self._clean(str(error))})", gone=True) from None
        except BrokenOff as error:
            raise _Again(f"the connection broke off ({error})") from None
        if answer.status == 200:
            return self._reply(answer.body, dialect, request)
        self._refused(answer, request, dialect)

    def _reply(self, raw: bytes, dialect: Dialect, request: ChatRequest) -> ChatReply:
        import orjson

        try:
            data = orjson.loads(raw)
            choice = data["choices"][0]
            message = choice["message"]
            content = message.get("content")
            finish = choice.get("finish_reason")
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            said = self._clean(raw[:4000].decode("utf-8", "replace"))[:100]
            raise _Again(f"the answer is no chat completion: {said}" if said else "the reply is empty") from None
        self._answers[request.shared.key] += 1
        self._limit.answered()
        if request.message != _HARMLESS:
            self._refused_in_a_row = 0
        text = content if isinstance(content, str) else ""
        tokens, estimated = _tokens(data.get("usage"), request, text)
        reply = ChatReply(
            text, dialect.mode, *tokens, finish == "length", estimated, *self._difference(request, dialect)
        )
        if not reply.text or finish == "content_filter":
            raise ReplyError(self._no_text(message, finish, request), reply=reply)
        return reply

    def _difference(self, request: ChatRequest, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
        """How what was sent differs from what the engine asked: what was appended, what was left out."""
        return self._encoder.appended(request, dialect), tuple(sorted(dialect.without))

    def _no_text(self, message: dict[str, Any], finish: object, request: ChatRequest) -> str:
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal:
            return f"the model refused: {self._clean(refusal)}"
        if finish == "content_filter":
            return "the endpoint's content filter withheld the reply"
        if finish == "length":
            return (
                f"the reply ended at max_tokens={request.max_tokens} before any text; a model that thinks first "
                "needs a larger llm_settings.max_tokens"
            )
        content = message.get("content")
        return f"the reply is not a text: {self._clean(str(content))[:100]}" if content else "the reply is empty"

    def _refused(self, answer: Answer, request: ChatRequest, dialect: Dialect) -> NoReturn:
        """Raise what an answer other than 200 means."""
        status, headers = answer.status, answer.headers
        said = self._clean(answer.body[:4000].decode("utf-8", "replace"))
        if status == 401:
            raise self._no_access("status 401.")
        if status in (404, 405):
            raise self._stop(
                f"{self._base_url} has no model {self.model}, or no chat completions ({status}): {said}",
                "Check the model's name and --base-url, which usually ends in /v1.",
            )
        if status == 402 or (status == 429 and "insufficient_quota" in said):
            raise self._stop(f"The account at {self._base_url} has no credit left: {said}", "Add credit, then resume.")
        if 300 <= status < 400:
            where = self._clean(_split_login(headers.get("location", ""))[0]) or "an unnamed address"
            raise self._stop(
                f"{self._base_url} redirects to {where}; the API key is not sent there.",
                "If you trust that address, give it as --base-url.",
            )
        if status in (408, 425, 429) or status >= 500:
            after = retry_after(headers.get("retry-after"))
            raise _Again(f"status {status}: {said}", after=after, limited=status == 429)
        if status in (400, 422):
            sent = (request.message, self._encoder.appended(request, dialect))
            following = dialect.after(Complaint.read(answer.body, *sent))
            if following is not None:
                raise _Adapt(following, said)
        # Also 403: some gateways say it of a prompt that they do not like. A harmless request shows what is meant.
        raise _Failed(f"the endpoint refuses the request ({status}): {said}", refused=True, status=status)

    def _learn(self, used: Dialect, change: _Adapt) -> None:
        """Remember a refusal once, however many requests in flight ran into it."""
        if self._dialect is used:
            self._dialect = change.following
            _log.info("the endpoint refused a field; now %s (%s)", change.following, change.said)

    def _check_patience(self, trouble: _Again, seconds: float) -> None:
        """Raises `BackendError` where a rate limit has let nothing through for too long."""
        if seconds >= self._settings.patience:
            raise self._stop(
                f"{self._base_url} has let nothing through for {seconds / 60:.1f} minutes: {trouble}.",
                "Run the same command again later, or with a lower --concurrency; it goes on where it stopped. "
                "llm_settings.patience says how long rate limits are waited for.",
            )

    async def _wait(self, trouble: _Again, attempt: int) -> None:
        delay = self._backoff.delay(attempt)
        if trouble.after is not None:
            if trouble.after > self._settings.patience:
                raise self._stop(
                    f"{self._base_url} asks to wait {trouble.after / 60:.0f} minutes: {trouble}.",
                    "Run the same command again then; it goes on where it stopped. llm_settings.patience says how long "
                    "a wait may be.",
                )
            self._backoff.hold_all(trouble.after)
            delay = trouble.after + min(delay, 1.0)
        self.retries += 1
        key = object()
        self._waits[key] = (time.monotonic() + delay, "rate limited" if trouble.limited else str(trouble))
        try:
            await asyncio.sleep(delay)
        finally:
            del self._waits[key]

    def waiting(self) -> str:
        waits = list(self._waits.values())
        if not waits:
            return ""
        until, why = min(waits)
        left = max(0.0, until - time.monotonic())
        return f"{len(waits)} waiting: {why[:60]}, retrying in {left:.0f} s ({self.retries} retries)"

    def _unusable(self, failure: _Failed) -> BackendError:
        return self._stop(
            f"{self._base_url} cannot be used: {failure}.",
            "Check that it runs, then run the same command again; it goes on where it stopped.",
        )

    def _check_up(self) -> None:
        if self._down is not None:
            raise BackendError(self._down.message, self._down.fix)

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
    """Worth another try. `gone`: if it stays like this, the endpoint is to blame, not the request. `limited`: nothing
    is wrong, but it is too early."""

    def __init__(self, what: str, after: float | None = None, gone: bool = False, limited: bool = False) -> None:
        super().__init__(what)
        self.after = after
        self.gone = gone
        self.limited = limited


class _Failed(Exception):
    """A request that will get no answer: refused (with this `status`), or not answered in all its tries. `answers`
    is how many requests like it had been answered when it was last sent."""

    def __init__(self, what: str, refused: bool = False, answers: int = 0, status: int = 0) -> None:
        super().__init__(what)
        self.refused = refused
        self.answers = answers
        self.status = status


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
    example = "Example: --base-url http://localhost:8000/v1"
    try:
        parts = urlsplit(given.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise SynthError("--base-url is not an http or https address.", example)
    if "#" in given:
        raise SynthError("--base-url has a fragment ('#...'), which is never sent to a server.", example)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")))


def _split_login(url: str) -> tuple[str, str]:
    """The URL without `user:password@`, and that. Kept apart so that no message can show it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), login


def _query_secrets(query: str) -> list[str]:
    """The values in an address's query that are called like keys; its others (`api-version`) may be shown."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    values = [value for name, _, value in pairs if _SECRET_NAME.search(name)]
    return values + [unquote_plus(value) for value in values]


def _secrets(key: str, login: str, *others: str) -> list[str]:
    """Longest first, so that a part never breaks up the whole; a local server's dummy key ("x") is none and would
    only make its messages unreadable."""
    found = {key, login, login.partition(":")[2], base64.b64encode(login.encode()).decode(), *others}
    return sorted((one for one in found if len(one) > 2), key=len, reverse=True)


def _proxy(url: str) -> str | None:
    """The environment's proxy for the endpoint."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.hostname in _LOCAL:
        return None
    with contextlib.suppress(OSError):
        if proxy_bypass(parts.hostname):
            return None
    return getproxies().get(parts.scheme)


def _with_cost(reply: ChatReply, probes: list[ChatReply | None]) -> ChatReply:
    """`reply`, with the tokens of the harmless requests that were sent because of it."""
    for probe in filter(None, probes):
        reply = replace(
            reply,
            prompt_tokens=reply.prompt_tokens + probe.prompt_tokens,
            cached_tokens=reply.cached_tokens + probe.cached_tokens,
            completion_tokens=reply.completion_tokens + probe.completion_tokens,
            estimated=reply.estimated or probe.estimated,
        )
    return reply


def _tokens(usage: object, request: ChatRequest, text: str) -> tuple[tuple[int, int, int], bool]:
    """Prompt, cached and reply tokens, and whether they are a guess. Some endpoints send none: then a token is taken
    for four characters, so that a budget holds at least roughly."""
    known = usage if isinstance(usage, dict) else {}
    details = known.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) or 0 if isinstance(details, dict) else 0
    prompt, completion = _count(known.get("prompt_tokens")), _count(known.get("completion_tokens"))
    if prompt is not None and completion is not None:
        return (prompt, cached, completion), False
    guess = _estimate(request.shared.json, request.message) if prompt is None else prompt
    return (guess, cached, _estimate(text) if completion is None else completion), True


def _estimate(*texts: str) -> int:
    return sum(map(len, texts)) // _CHARACTERS_PER_TOKEN


def _count(value: object) -> int | None:
    """A token count of an endpoint, which may send anything."""
    return value if type(value) is int and value >= 0 else None
