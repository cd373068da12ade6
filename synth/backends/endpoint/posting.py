"""POST to one address over HTTP/1.1, on connections that are kept open; GET what an answer points at.

A general client takes three times the processor time for a request, which was a fifth of a run against a fast
endpoint: it has to allow for redirects, cookies, streams and hooks. This one sends bodies that are ready and
reads whole answers. Names, TLS and timeouts are asyncio's; proxies of the kind `http://` are known.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
_IN_PATHS = "/%:@!$&'()*+,;=~"
_NEXT_ADDRESS_SECONDS = 0.25  # a host that has several addresses may not answer at all of them


class NoConnection(Exception):
    """Nobody answers there."""


class BrokenOff(Exception):
    """The connection ended in the middle of an answer, or what came is not HTTP or without end."""


class NotPublic(Exception):
    """Who answers there is inside this machine or its network."""


class _Stale(Exception):
    """A kept connection had been closed by the other side before the request reached it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` has names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Poster:
    """Posts to `url`. As many connections are open as requests were ever in flight at once. An answer of more than
    `most_bytes` would take all memory before it is looked at, so it is not read. With `public_only` nothing is
    sent to machines that are not on the public internet, whatever their names are.

    Raises from `__init__`: `ValueError` if the address or a header cannot be sent.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        proxy: str | None,
        connect_seconds: float,
        most_bytes: int,
        method: str = "POST",
        public_only: bool = False,
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = _address(parts)
        self._proxy = urlsplit(proxy) if proxy else None
        self._connect_to = self._host, self._port
        if self._proxy is not None:
            self._connect_to = _proxy_address(self._proxy)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._connect_seconds = connect_seconds
        self._most_bytes = most_bytes
        self._public_only = public_only
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        authority = parts.netloc.rpartition("@")[2].encode("idna").decode()
        target = quote(parts.path or "/", safe=_IN_PATHS)
        if parts.query:
            target += "?" + quote(parts.query, safe=_IN_PATHS + "?")
        lines = {"Host": authority, "Accept-Encoding": "identity", **headers}
        if self._proxy is not None and self._tls is None:
            target = f"http://{authority}{target}"
            lines |= _proxy_login(self._proxy)
        self._head = _head(f"{method} {target} HTTP/1.1", lines)

    async def post(self, body: bytes) -> Answer:
        """Raises `NoConnection`, `NotPublic`, `BrokenOff`, and `ssl.SSLCertVerificationError` if the other side
        cannot be trusted."""
        request = b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body)
        while self._free:
            reader, writer = self._free.pop()
            if reader.at_eof() or writer.is_closing():
                writer.close()
                continue
            try:
                return await self._exchange(reader, writer, request)
            except _Stale:
                break
        try:
            return await self._exchange(*await self._connect(), request)
        except _Stale:
            raise BrokenOff("no answer") from None

    def close(self) -> None:
        """Close what is kept; safe to call twice."""
        while self._free:
            self._free.pop()[1].close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> Answer:
        keep = False
        try:
            writer.write(request)
            answer, keep = await _read(reader, self._most_bytes)
            return answer
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, zlib.error) as error:
            raise BrokenOff(type(error).__name__) from error
        finally:  # cancelled, too: what comes next would be the answer to this request
            if keep:
                self._free.append((reader, writer))
            else:
                writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._connect_to
        direct = self._tls if self._proxy is None else None
        try:
            async with asyncio.timeout(self._connect_seconds):
                reader, writer = await asyncio.open_connection(
                    host, port, ssl=direct, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS
                )
                if self._proxy is not None and self._tls is not None:
                    await self._tunnel(self._proxy, self._tls, reader, writer)
        except TimeoutError:
            raise NoConnection(f"none within {self._connect_seconds:g} seconds") from None
        except ssl.SSLCertVerificationError:
            raise
        except ssl.SSLError as error:  # may pass: a balancer that restarts ends handshakes in many ways
            hint = "; it may speak http, not https" if error.reason in _NOT_TLS else ""
            raise NoConnection(f"{error}{hint}") from error
        except (OSError, EOFError, ValueError) as error:
            raise NoConnection(str(error)) from error
        if self._public_only and self._proxy is None and not is_public(writer.get_extra_info("peername")[0]):
            writer.close()
            raise NotPublic
        return reader, writer

    async def _tunnel(
        self, proxy: SplitResult, tls: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Ask the proxy for the way through, so that it sees nothing of what is sent."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        target = f"{host}:{self._port}"
        writer.write(_head(f"CONNECT {target} HTTP/1.1", {"Host": target, **_proxy_login(proxy)}) + b"\r\n")
        try:
            status, _, _ = await _read_head(reader)
            if status != 200:
                raise OSError(f"the proxy answers {status}")
            await writer.start_tls(tls, server_hostname=self._host)
        except BaseException:
            writer.close()
            raise


async def get(
    url: str,
    headers: Mapping[str, str],
    proxy: str | None,
    connect_seconds: float,
    most_bytes: int,
    public_only: bool,
) -> Answer:
    """GET `url` once, on a connection of its own. Raises what `Poster` raises."""
    one = Poster(url, {**headers, "Connection": "close"}, proxy, connect_seconds, most_bytes, "GET", public_only)
    return await one.post(b"")


def is_public(host: str) -> bool:
    """Whether a numeric address is one of the public internet; a name says nothing yet."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global


async def _read(reader: asyncio.StreamReader, most: int) -> tuple[Answer, bool]:
    """An answer of at most so many bytes, and whether the connection can take another request."""
    status = 100
    while status < 200:  # 1xx only announces the answer
        status, version, headers = await _read_head(reader)
    options = {option.strip() for option in headers.get("connection", "").lower().split(",")}
    keep = "close" not in options and version == "HTTP/1.1"
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = await _read_chunks(reader, most)
    elif "content-length" in headers:
        body = await reader.readexactly(_within(int(headers["content-length"]), most))
    else:
        body, keep = await _read_to_end(reader, most), False
    if headers.get("content-encoding", "identity") in ("gzip", "deflate"):  # although it was not asked for
        body = _unpack(body, most)
    return Answer(status, headers, body), keep


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, str, dict[str, str]]:
    """Status, version and headers."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        if getattr(error, "partial", b""):
            raise
        raise _Stale from None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("this is not HTTP")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(rest[:3]), version, headers


def _within(size: int, most: int) -> int:
    """`size`, where an answer may be that large."""
    if size > most:
        raise BrokenOff(f"its answer is larger than {most >> 20} MiB")
    return size


async def _read_to_end(reader: asyncio.StreamReader, most: int) -> bytes:
    parts, total = [], 0
    while part := await reader.read(most):
        parts.append(part)
        total = _within(total + len(part), most)
    return b"".join(parts)


def _unpack(body: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    plain = unpacking.decompress(body, most + 1)
    _within(len(plain), most)
    if not unpacking.eof:
        raise EOFError
    return plain


async def _read_chunks(reader: asyncio.StreamReader, most: int) -> bytes:
    chunks, total = [], 0
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        total = _within(total + size, most)
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":  # trailers
        pass
    return b"".join(chunks)


def _head(first: str, headers: Mapping[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in the address or in a header")
    return "".join(f"{line}\r\n" for line in lines).encode()


def _address(parts: SplitResult) -> tuple[str, int]:
    if parts.hostname is None or parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"'{parts.scheme}://{parts.hostname or ''}' is no address of HTTP")
    return parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]


def _proxy_address(proxy: SplitResult) -> tuple[str, int]:
    try:
        if proxy.scheme == "http" and proxy.hostname:
            return _address(proxy)
    except ValueError:  # its port is none
        pass
    raise ValueError("only proxies of the kind http://HOST:PORT are known")


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
