"""Pictures that an endpoint's answer only points at.

Whoever runs the endpoint says where; so nothing is fetched but over http and https, and nothing from inside this
machine or its network unless it is the endpoint's own host. The API key goes back to where it belongs, or nowhere.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit, urlunsplit

from synth.backends.endpoint.address import proxy_for
from synth.backends.endpoint.posting import Answer, BrokenOff, NoConnection, NotPublic, get, is_public

_CONNECT_SECONDS = 15.0
_MOST_STEPS = 4
_TRIES = 3
_PAUSE_SECONDS = 0.5


class Forbidden(Exception):
    """Nothing is fetched from there."""


class NotFetched(Exception):
    """There is no picture; later there may be."""


class Fetcher:
    """Fetches for one endpoint: `own` is its address, `authorization` what may be said to it. One picture may take
    `timeout` seconds and have `most_bytes`."""

    def __init__(self, own: str, authorization: Mapping[str, str], timeout: float, most_bytes: int) -> None:
        self._own = own
        self._authorization = authorization
        self._timeout = timeout
        self._most_bytes = most_bytes

    async def fetch(self, url: str) -> bytes:
        """The bytes behind a URL, which may be relative to the endpoint. Fetched again where that may help: to have
        it drawn again would be paid again.

        Raises:
            Forbidden: nothing is fetched from there.
            NotFetched: it could not be had in several tries.
        """
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_PAUSE_SECONDS * 2.0**attempt)
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await self._follow(_joined(self._own, url))
            except TimeoutError:
                problem = f"nothing within {self._timeout:g} seconds"
            except (NoConnection, BrokenOff, ssl.SSLCertVerificationError) as error:
                problem = str(error) or type(error).__name__
            else:
                if answer.status == 200:
                    return answer.body
                problem = f"status {answer.status}"
        raise NotFetched(f"{_shown(url)}: {problem}")

    async def _follow(self, url: str) -> Answer:
        """Short links and stores redirect; each step is looked at as the first one is."""
        for _ in range(_MOST_STEPS):
            answer = await self._get(url)
            where = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not where:
                return answer
            url = _joined(url, where)
        raise BrokenOff("it redirects without end")

    async def _get(self, url: str) -> Answer:
        there, own = urlsplit(url), urlsplit(self._own)
        same_origin = (there.scheme, there.netloc) == (own.scheme, own.netloc)
        if there.scheme not in ("http", "https") or not there.hostname:
            raise Forbidden(_shown(url))
        foreign = there.hostname != own.hostname
        if foreign and not is_public(there.hostname):
            raise Forbidden(f"{_shown(url)} is inside this machine or its network")
        headers = {"Accept": "image/*", **(self._authorization if same_origin else {})}
        try:
            return await get(url, headers, proxy_for(url), _CONNECT_SECONDS, self._most_bytes, public_only=foreign)
        except NotPublic:
            raise Forbidden(f"{_shown(url)} is inside this machine or its network") from None
        except ValueError as error:
            raise Forbidden(f"{_shown(url)} ({error})") from None


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        raise Forbidden("an address that is none") from None


def _shown(url: str) -> str:
    """A URL without login and query, in which signatures stand."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))[:200]
