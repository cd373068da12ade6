"""Where an endpoint is, with everything secret in its address kept apart so that no message can show it."""

from __future__ import annotations

import base64
import contextlib
import re
from urllib.parse import unquote_plus, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from synth.errors import SynthError

_SECRET_NAME = re.compile(r"key|token|secret|sig|code|pass|auth", re.IGNORECASE)
_LOCAL = ("localhost", "127.0.0.1", "::1")


def checked(given: str, path: str, flag: str) -> str:
    """The address before `path`, which people copy along with it; `flag` is what they wrote it behind.

    Raises:
        SynthError: not an address that can be posted to.
    """
    example = f"Example: {flag} http://localhost:8000/v1"
    try:
        parts = urlsplit(given.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise SynthError(f"{flag} is not an http or https address.", example)
    if "#" in given:
        raise SynthError(f"{flag} has a fragment ('#...'), which is never sent to a server.", example)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix(path).rstrip("/")))


def split_login(url: str) -> tuple[str, str]:
    """The URL without `user:password@`, and that."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=host)), login


def query_secrets(query: str) -> list[str]:
    """The values in an address's query that are called like keys; its others (`api-version`) may be shown."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    values = [value for name, _, value in pairs if _SECRET_NAME.search(name)]
    return values + [unquote_plus(value) for value in values]


def secrets(key: str, login: str, *others: str) -> list[str]:
    """Longest first, so that a part never breaks up the whole; a local server's dummy key ("x") is none and would
    only make its messages unreadable."""
    found = {key, login, login.partition(":")[2], base64.b64encode(login.encode()).decode(), *others}
    return sorted((one for one in found if len(one) > 2), key=len, reverse=True)


def proxy_for(url: str) -> str | None:
    """The environment's proxy for an address."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.hostname in _LOCAL:
        return None
    with contextlib.suppress(OSError):
        if proxy_bypass(parts.hostname):
            return None
    return getproxies().get(parts.scheme)
