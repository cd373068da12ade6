"""Ask an endpoint until there is an answer, or until it is known who is to blame that there is none.

A candidate may only fail for its own content: rows are final, and what fails with the endpoint must be made
again when it is well. So before a request is blamed, the endpoint is shown to answer others; where it does
not, the run stops and can go on later. What is asked, and what an answer means, subclasses know.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
import ssl
import time
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import urlsplit, urlunsplit

from synth.backends.endpoint import address
from synth.backends.endpoint.posting import Answer, BrokenOff, NoConnection, Poster
from synth.backends.endpoint.retrying import Backoff, RateLimit, retry_after
from synth.errors import BackendError, SynthError

Asked = TypeVar("Asked")
Got = TypeVar("Got")
Form = TypeVar("Form")

_log = logging.getLogger(__name__)

OPENAI = "https://api.openai.com/v1"
_CONNECT_SECONDS = 15.0
#: Requests refused in a row, each for its own content, after which the run stops. Refusals are quicker than replies:
#: some of those in flight at once say nothing about the others, so this is beside several times the concurrency.
_REFUSED_IN_A_ROW = 48
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a user calls things here: the words of messages, and where a key is looked for.

    `backend` is how the backend is asked for (`--llm openai`), `path` what is posted to, `noun` what comes
    back, `flag` and `fewer` what sets address and concurrency, `section` where the settings stand, `keys` the
    environment variables that may hold the key (the first that is set), `advice` what may be wrong with
    a request that is like all others.
    """

    backend: str
    path: str
    noun: str
    flag: str
    fewer: str
    section: str
    keys: tuple[str, ...]
    advice: str

    @property
    def key(self) -> str:
        return next((os.environ[name].strip() for name in self.keys if os.environ.get(name)), "")

    def availability(self) -> str:
        """Where it would go, and with which key, for `synth doctor`."""
        for name in self.keys:
            if os.environ.get(name):
                return f"{name} is set"
        return f"needs {self.flag}, or {self.keys[-1]} in the environment"


@dataclass(frozen=True, slots=True)
class Limits:
    """`timeout` and `patience` are seconds; `retries` are for 5xx and lost connections; an answer may have
    `most_bytes`."""

    concurrency: int
    timeout: float
    retries: int
    patience: float
    most_bytes: int


class Refused(Exception):
    """The endpoint is well, but will not answer this request. `extra` is what harmless requests (of type `Got`)
    returned that were sent to find that out: they cost something, too."""

    def __init__(self, what: str, extra: list[Any]) -> None:
        super().__init__(what)
        self.extra = extra


class Unreadable(Exception):
    """What came is no answer; it may be one at the next try."""


class Withheld(Exception):
    """The answer says that there will be none to this request, for its content."""


class Endpoint(ABC, Generic[Asked, Got, Form]):
    """Asks of type `Asked`, answers of type `Got`. A `form` is how requests are put just now; it changes when the
    endpoint refuses something that we can do without, and is immutable, so that requests in flight notice.

    Raises from `__init__`: `SynthError` if the address cannot be used. The key goes to the endpoint alone and into
    no message.
    """

    def __init__(self, model: str, base_url: str | None, limits: Limits, terms: Terms, form: Form) -> None:
        self.model = model
        self.limits = limits
        self.form = form
        self._terms = terms
        self._key = terms.key
        if not base_url and not self._key:
            raise SynthError(
                f"{terms.backend} does not know where to go.",
                f"Give the endpoint with {terms.flag} URL, or set {terms.keys[-1]} to use OpenAI's.",
            )
        given = address.checked(base_url, terms.path, terms.flag) if base_url else OPENAI
        whole, self._login = address.split_login(given)
        parts = urlsplit(whole)
        self.base_url = urlunsplit(parts._replace(query=""))  # as messages show it; a query may hold a key
        self._url = urlunsplit(parts._replace(path=f"{parts.path}{terms.path}"))
        self._secrets = address.secrets(self._key, self._login, *address.query_secrets(parts.query))
        self._backoff = Backoff()
        self._limit = RateLimit(limits.concurrency)
        self._waits: dict[object, tuple[float, str]] = {}
        self._poster: Poster | None = None
        self._answers: Counter[str] = Counter()
        self._refused_in_a_row = 0
        self._doubt = asyncio.Lock()
        self._down: BackendError | None = None
        #: requests repeated so far because of trouble that may pass
        self.retries = 0

    # -- what subclasses know ----------------------------------------------------------------------

    @abstractmethod
    def encode(self, asked: Asked, form: Form) -> bytes:
        """The body of a request."""

    @abstractmethod
    async def read(self, body: bytes, asked: Asked, form: Form) -> Got:
        """What an answer with status 200 says. Raises `Unreadable` and `Withheld`."""

    @abstractmethod
    def adapted(self, body: bytes, asked: Asked, form: Form) -> Form | None:
        """The form to try next after a refusal, or None if it was not about what we can do without."""

    @abstractmethod
    def harmless(self, like: Asked) -> Asked:
        """What is asked instead of a request that failed, to find out whether it or the endpoint is to blame."""

    def kind(self, asked: Asked) -> str:
        """Requests of one kind have so much in common that an answer to one acquits the endpoint for all."""
        return ""

    def is_for_content(self, body: bytes) -> bool:
        """Whether a refusal says beyond doubt that the request's own content is the reason."""
        return False

    # -- asking ------------------------------------------------------------------------------------

    def authorization(self) -> dict[str, str]:
        """The header that says who asks."""
        if self._key:
            return {"Authorization": f"Bearer {self._key}"}
        if self._login:
            return {"Authorization": "Basic " + base64.b64encode(self._login.encode()).decode()}
        return {}

    def open(self) -> None:
        """Raises `SynthError` if address, key or proxy cannot be sent; safe to call twice."""
        if self._poster is not None:
            return
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self.authorization()}
        proxy = address.proxy_for(self.base_url)
        try:
            self._poster = Poster(self._url, headers, proxy, _CONNECT_SECONDS, self.limits.most_bytes)
        except ValueError as error:
            raise SynthError(
                f"{self.base_url} cannot be used: {self.clean(str(error))}.",
                f"Check {self._terms.flag}, the API key and the proxy in the environment.",
            ) from None

    def close(self) -> None:
        """Safe to call twice."""
        poster, self._poster = self._poster, None
        if poster is not None:
            poster.close()

    async def ask(self, asked: Asked) -> tuple[Got, list[Got]]:
        """The answer, and those to harmless requests that were sent because of this one.

        Raises:
            Refused: the request is to blame.
            BackendError: the endpoint is.
        """
        extra: list[Got] = []
        try:
            got = await self._persist(asked, self.limits.retries + 1)
        except _Failed as failure:
            got = await self._again(failure, asked, extra)
        self._refused_in_a_row = 0
        return got, extra

    async def _again(self, failure: _Failed, asked: Asked, extra: list[Got]) -> Got:
        """What becomes of a request that failed for good: it is blamed, unless it was a breakdown that is over."""
        extra += await self._acquit(failure, asked)
        if not failure.refused:
            try:
                return await self._persist(asked, 1)
            except _Failed as again:
                failure = again
                extra += await self._acquit(failure, asked)
        if failure.refused:
            self._count_refusal(failure)
        raise Refused(str(failure), extra)

    async def _acquit(self, failure: _Failed, asked: Asked) -> list[Got]:
        """Return if the endpoint answers requests of the same kind: others were answered while this one failed,
        or a harmless one is answered now (returned, because it costs). Raises `BackendError` if not."""
        if failure.certain:
            return []
        async with self._doubt:
            self._check_up()
            if self._answers[self.kind(asked)] > failure.answers:
                return []
            try:
                return [await self._persist(self.harmless(asked), 1)]
            except _Failed as probe:
                raise self._everything(failure, probe) from None

    def _everything(self, failure: _Failed, probe: _Failed) -> BackendError:
        """The error when a harmless request (`probe`) fares no better than the one that failed."""
        if probe.status == 403:
            return self._no_access(str(probe))
        if not failure.refused:
            return self._unusable(failure)
        return self.stop(
            f"{self.base_url} refuses every request to {self.model}, not only this one: {failure}", self._terms.advice
        )

    def _no_access(self, said: str) -> BackendError:
        first, last = self._terms.keys[0], self._terms.keys[-1]
        if not self._key:
            return self.stop(f"{self.base_url} wants an API key: {said}", f"Set {last}.")
        goes_first = f" (or {first}, which goes first)" if first != last else ""
        return self.stop(
            f"{self.base_url} does not accept the API key: {said}",
            f"Set {last}{goes_first} to a key that may use {self.model}.",
        )

    def _count_refusal(self, failure: _Failed) -> None:
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= _REFUSED_IN_A_ROW + 4 * self.limits.concurrency:
            raise self.stop(
                f"{self.base_url} has refused {self._refused_in_a_row} requests in a row for what is in them, the "
                f"last one like this: {failure}",
                "Look at some with 'synth show'. The same command goes on with the next candidates; another model or "
                "template needs a new --out.",
            )

    async def _persist(self, asked: Asked, tries: int) -> Got:
        """Ask until there is an answer; raises `_Failed` after a refusal and after `tries` breakdowns. Being asked to
        come back later (429) is neither: that is waited out."""
        attempt = limited = 0
        while True:
            await self._limit.enter()
            try:
                while pause := self._backoff.held():  # another answer may make it longer meanwhile
                    await asyncio.sleep(pause)
                self._check_up()
                form, sent = self.form, time.monotonic()
                answers = self._answers[self.kind(asked)]
                return await self._once(asked, form)
            except _Adapt as change:
                self._learn(form, change)
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

    async def _once(self, asked: Asked, form: Form) -> Got:
        if self._poster is None:
            raise BackendError("The connection to the endpoint is not open.", "Call start() first.")
        body = self.encode(asked, form)
        try:
            async with asyncio.timeout(self.limits.timeout):
                answer = await self._poster.post(body)
        except TimeoutError:
            raise _Again(f"no answer within {self.limits.timeout:g} seconds") from None
        except ssl.SSLCertVerificationError as error:
            raise self.stop(
                f"The certificate of {self.base_url} cannot be verified: {self.clean(str(error))}",
                "Check the address and the machine's certificates (SSL_CERT_FILE names additional ones).",
            ) from None
        except NoConnection as error:
            raise _Again(f"no connection ({self.clean(str(error))})", gone=True) from None
        except BrokenOff as error:
            raise _Again(f"the connection broke off ({error})") from None
        if answer.status != 200:
            self._refused(answer, asked, form)
        try:
            got = await self.read(answer.body, asked, form)
        except Unreadable as error:
            raise _Again(str(error)) from None
        except Withheld as error:
            raise _Failed(str(error), refused=True) from None
        self._answers[self.kind(asked)] += 1
        self._limit.answered()
        return got

    def _refused(self, answer: Answer, asked: Asked, form: Form) -> NoReturn:
        """Raise what an answer other than 200 means."""
        status, headers = answer.status, answer.headers
        said = self.quote(answer.body, 300)
        if status == 401:
            raise self._no_access("status 401.")
        if status in (404, 405):
            raise self.stop(
                f"{self.base_url} has no model {self.model}, or no {self._terms.noun} ({status}): {said}",
                f"Check the model's name and {self._terms.flag}, which usually ends in /v1.",
            )
        if status == 402 or (status == 429 and "insufficient_quota" in said):
            raise self.stop(f"The account at {self.base_url} has no credit left: {said}", "Add credit, then resume.")
        if 300 <= status < 400:
            where = self.clean(address.split_login(headers.get("location", ""))[0]) or "an unnamed address"
            raise self.stop(
                f"{self.base_url} redirects to {where}; the API key is not sent there.",
                f"If you trust that address, give it as {self._terms.flag}.",
            )
        if status in (408, 425, 429) or status >= 500:
            after = retry_after(headers.get("retry-after"))
            raise _Again(f"status {status}: {said}", after=after, limited=status == 429)
        certain = self.is_for_content(answer.body)
        if status in (400, 422) and not certain:
            following = self.adapted(answer.body, asked, form)
            if following is not None:
                raise _Adapt(following, said)
        # Also 403: some gateways say it of a prompt that they do not like. A harmless request shows what is meant.
        raise _Failed(f"the endpoint refuses the request ({status}): {said}", True, status=status, certain=certain)

    def _learn(self, used: Form, change: _Adapt) -> None:
        """Remember a refusal once, however many requests in flight ran into it."""
        if self.form is used:
            self.form = change.following
            _log.info("the endpoint refused a field; now %s (%s)", change.following, change.said)

    def _check_patience(self, trouble: _Again, seconds: float) -> None:
        """Raises `BackendError` where a rate limit has let nothing through for too long."""
        if seconds >= self.limits.patience:
            raise self.stop(
                f"{self.base_url} has let nothing through for {_span(seconds)}: {trouble}.",
                f"Run the same command again later, or with a lower {self._terms.fewer}; it goes on where it stopped. "
                f"{self._terms.section}.patience says how long rate limits are waited for.",
            )

    async def _wait(self, trouble: _Again, attempt: int) -> None:
        delay = self._backoff.delay(attempt)
        if trouble.after is not None:
            if trouble.after > self.limits.patience:
                raise self.stop(
                    f"{self.base_url} asks to wait {_span(trouble.after)}: {trouble}.",
                    f"Run the same command again then; it goes on where it stopped. {self._terms.section}.patience "
                    "says how long a wait may be.",
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
        """What requests wait for just now, in words for people, or "". Called from any thread."""
        waits = list(self._waits.values())
        if not waits:
            return ""
        until, why = min(waits)
        left = max(0.0, until - time.monotonic())
        return f"{len(waits)} waiting: {why[:60]}, retrying in {left:.0f} s ({self.retries} retries)"

    # -- what is said ------------------------------------------------------------------------------

    def stop(self, message: str, fix: str) -> BackendError:
        """An error for this request and, at once, for all others: the endpoint will not change its mind."""
        self._down = BackendError(message, fix)
        return self._down

    def quote(self, body: bytes, most: int) -> str:
        """The beginning of what a server sent, to be shown."""
        return self.clean(body[:4000].decode("utf-8", "replace"))[:most]

    def clean(self, text: str) -> str:
        """What a server says, without secrets and terminal controls, and short."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return _UNPRINTABLE.sub(" ", text).strip()[:300]

    def _unusable(self, failure: _Failed) -> BackendError:
        return self.stop(
            f"{self.base_url} cannot be used: {failure}.",
            "Check that it runs, then run the same command again; it goes on where it stopped.",
        )

    def _check_up(self) -> None:
        if self._down is not None:
            raise BackendError(self._down.message, self._down.fix)


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
    is how many requests like it had been answered when it was last sent; `certain` that nothing but the
    request's content is the reason."""

    def __init__(
        self, what: str, refused: bool = False, answers: int = 0, status: int = 0, certain: bool = False
    ) -> None:
        super().__init__(what)
        self.refused = refused
        self.answers = answers
        self.status = status
        self.certain = certain


class _Adapt(Exception):
    """The endpoint does not know something we can do without."""

    def __init__(self, following: Any, said: str) -> None:
        super().__init__(said)
        self.following = following
        self.said = said


def _span(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"
