"""What the HTTP client does with every kind of answer and of ending."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from synth.backends.endpoint.posting import BrokenOff, NoConnection, Poster

AUTHORITY = trustme.CA()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Answers each request with the next of `answers`; `None` closes the connection instead."""

    def __init__(self, *answers: bytes | None, closes: bool = False) -> None:
        self.answers = list(answers)
        self.closes = closes
        self.requests: list[bytes] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(size))
                answer = self.answers.pop(0)
                if answer is None:
                    return
                writer.write(answer)
                if self.closes:
                    return
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def to(port: int, scheme: str = "http", proxy: str | None = None, **headers: str) -> Poster:
    return Poster(f"{scheme}://localhost:{port}/v1/ü", headers, proxy, connect_seconds=5, most_bytes=300_000)


async def test_a_request_to_the_letter() -> None:
    server = Server(OK)
    async with serving(server) as port:
        poster = to(port, Authorization="Bearer k")
        answer = await poster.post(b"{}")
        poster.close()
        poster.close()
    assert (answer.status, answer.headers, answer.body) == (200, {"content-length": "2"}, b"ok")
    assert server.requests == [
        b"POST /v1/%%C3%%BC HTTP/1.1\r\nHost: localhost:%d\r\nAccept-Encoding: identity\r\n"
        b"Authorization: Bearer k\r\nContent-Length: 2\r\n\r\n{}" % port
    ]


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: t\r\n\r\n"
ZIPPED = gzip.compress(b"hello!")


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nCONTENT-LENGTH:6\r\n\r\nhello!", 1),
        (b"HTTP/1.1 200\r\nContent-Length: 6\r\n\r\nhello!", 1),
        (CHUNKED, 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello!", 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello!", 2),
        (b"HTTP/1.1 200 OK\r\n\r\nhello!", 2),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(ZIPPED), ZIPPED), 1),
    ],
)
async def test_forms_of_an_answer_and_whether_the_connection_is_kept(answer: bytes, connections: int) -> None:
    server = Server(answer, answer, closes=connections == 2)
    async with serving(server) as port:
        poster = to(port)
        assert [(await poster.post(b"")).body for _ in range(2)] == [b"hello!"] * 2
        poster.close()
    assert server.connections == connections


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello!",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        None,
    ],
)
async def test_what_is_no_answer(answer: bytes | None) -> None:
    async with serving(Server(answer, answer, closes=True)) as port:
        with pytest.raises(BrokenOff):
            await to(port).post(b"")


@pytest.mark.parametrize(
    "answer",
    [
        b"Content-Length: 5001\r\n\r\n" + b"x" * 5001,
        b"\r\n" + b"x" * 5001,
        b"Transfer-Encoding: chunked\r\n\r\n" + (b"3e8\r\n" + b"x" * 1000 + b"\r\n") * 6 + b"0\r\n\r\n",
        b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 5001, mtime=0),
    ],
)
async def test_an_answer_without_end_is_not_read_to_its_end(answer: bytes) -> None:
    async with serving(Server(b"HTTP/1.1 200 OK\r\n" + answer, closes=True)) as port:
        with pytest.raises(BrokenOff, match="larger than"):
            await Poster(f"http://localhost:{port}/", {}, None, 5, most_bytes=5000).post(b"")


async def test_close_is_found_among_other_options() -> None:
    closing = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close, te\r\n\r\nok"
    server = Server(closing, closing)  # which leaves it to us
    async with serving(server) as port:
        poster = to(port)
        assert [(await poster.post(b"")).body for _ in range(2)] == [b"ok"] * 2
    assert server.connections == 2


async def test_a_kept_connection_that_was_closed_is_replaced_unnoticed() -> None:
    server = Server(OK, None, OK)
    async with serving(server) as port:
        poster = to(port)
        assert [(await poster.post(b"")).body for _ in range(2)] == [b"ok"] * 2
        poster.close()
    assert server.connections == 2


async def test_a_cancelled_request_does_not_leave_its_answer_to_the_next() -> None:
    late = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not late.is_set():
            await late.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        else:
            writer.write(OK)
        writer.close()

    async with serving(serve) as port:
        poster = to(port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await poster.post(b"")
        late.set()
        assert (await poster.post(b"")).body == b"ok"
        poster.close()


async def test_nobody_is_there() -> None:
    async with serving(Server()) as port:
        pass
    with pytest.raises(NoConnection):
        await to(port).post(b"")
    with pytest.raises(NoConnection):
        await Poster("http://nowhere.invalid/", {}, None, 5, 100).post(b"")


def own_tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def authority(tmp_path: Path) -> str:
    """A file with the certificate of who signed the test server's."""
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return str(tmp_path / "authority.pem")


async def test_certificates_are_verified(authority: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Server(OK), own_tls()) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await to(port, "https").post(b"")
        monkeypatch.setenv("SSL_CERT_FILE", authority)
        poster = to(port, "https")
        assert (await poster.post(b"")).body == b"ok"
        poster.close()


async def test_only_a_certificate_ends_the_run_other_trouble_with_tls_may_pass() -> None:
    async def ends_the_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x50")  # a fatal alert: internal error
        writer.close()

    async with serving(ends_the_handshake) as port:
        with pytest.raises(NoConnection):
            await to(port, "https").post(b"")

    async def speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with serving(speaks_http) as port:
        with pytest.raises(NoConnection, match="http, not https"):
            await to(port, "https").post(b"")


async def test_a_proxy_is_asked_for_the_page_itself() -> None:
    proxy = Server(OK)
    async with serving(proxy) as port:
        poster = Poster("http://far.invalid/v1", {}, f"http://me:p%40ss@localhost:{port}", 5, 100)
        assert (await poster.post(b"")).body == b"ok"
        poster.close()
    assert proxy.requests[0].startswith(b"POST http://far.invalid/v1 HTTP/1.1\r\nHost: far.invalid\r\n")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in proxy.requests[0]


@pytest.mark.parametrize("status", [b"200 Connection established", b"407 Who are you?"])
async def test_a_proxy_lets_tls_through_and_sees_nothing(
    status: bytes, authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority)
    server = Server(OK)
    seen: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        if status.startswith(b"200"):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))
        writer.close()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    async with serving(server, own_tls()) as port, serving(tunnel) as proxy_port:
        poster = to(port, "https", proxy=f"http://localhost:{proxy_port}", Authorization="Bearer secret")
        if status.startswith(b"200"):
            assert (await poster.post(b"{}")).body == b"ok"
            assert b"Bearer secret" in server.requests[0]
        else:
            with pytest.raises(NoConnection, match="407"):
                await poster.post(b"{}")
        poster.close()
    assert seen == [b"CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % (port, port)]


async def test_a_proxy_is_asked_for_a_numeric_address_in_brackets() -> None:
    proxy = Server(b"HTTP/1.1 403 No\r\n\r\n")
    async with serving(proxy) as port:
        with pytest.raises(NoConnection, match="403"):
            await Poster("https://[fd00::1]:8443/v1", {}, f"http://localhost:{port}", 5, 100).post(b"")
    assert proxy.requests == [b"CONNECT [fd00::1]:8443 HTTP/1.1\r\nHost: [fd00::1]:8443\r\n\r\n"]


@pytest.mark.parametrize(
    ("url", "headers", "proxy"),
    [
        ("http://a/", {"Authorization": "Bearer x\r\nEvil: 1"}, None),
        ("http://a..b/", {}, None),
        ("ftp://a/", {}, None),
        ("http://a/", {}, "https://proxy:1"),
        ("http://a/", {}, "proxy:3128"),
        ("http://a/", {}, "http://proxy:99999"),
    ],
)
def test_what_cannot_be_sent(url: str, headers: dict[str, str], proxy: str | None) -> None:
    with pytest.raises(ValueError):
        Poster(url, headers, proxy, 5, 100)
