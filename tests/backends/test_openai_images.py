"""The renderer behind an HTTP endpoint: what is asked, what its answers become, and what it may never do."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from endpoint import Endpoint, says
from PIL import Image

from synth.backends.endpoint.posting import is_public
from synth.backends.endpoint.retrying import Backoff
from synth.backends.render.base import RenderRequest, RenderSettings
from synth.backends.render.openai_images import OpenAIImages, fetching
from synth.backends.render.openai_images.decoding import NoPicture, decode
from synth.cli.summary import print_summary
from synth.config import load_config
from synth.errors import BackendError, PictureRefused, RunRefused, RunStopped, SynthError
from synth.flow.marks import TRAINED
from synth.ledger import Ledger
from synth.run import look
from synth.run.doctor import diagnose
from synth.run.generate import Summary, generate
from tests.doubles import pictures, plugin_dir, rows
from tests.killing import compare

KEY = "sk-very-secret-0123456789"
OTHER_KEY = "sk-of-the-language-model"


def encoded(kind: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    """A picture that is not blank."""
    shade = Image.linear_gradient("L").resize(size)
    buffer = io.BytesIO()
    Image.merge(mode, [shade] * len(mode)).save(buffer, kind)
    return buffer.getvalue()


def reply(raw: bytes, **fields: Any) -> dict[str, Any]:
    return {"created": 1, "data": [{"b64_json": base64.b64encode(raw).decode(), **fields}]}


class Server(Endpoint):
    """Draws with `script`. `files` are what can be fetched: bytes, a status, or where else it is."""

    def __init__(self) -> None:
        super().__init__()
        self.script = [says(reply(encoded()))]
        self.files: dict[str, list[bytes | int | str]] = {}
        self.fetched: list[tuple[str, str | None]] = []
        self.running = self.most_running = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return await super().__call__(request)
        finally:
            self.running -= 1

    async def file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.fetched.append((request.path_qs, request.headers.get("Authorization")))
        answers = self.files.get(name, [404])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, bytes):
            return web.Response(body=answer)
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(status=302, headers={"Location": answer})


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setenv("SYNTH_RENDER_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", OTHER_KEY)
    monkeypatch.setattr(fetching, "_PAUSE_SECONDS", 0.001)
    one = Server()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/images/generations", one)
    app.router.add_get("/files/{name}", one.file)
    one.server = TestServer(app)
    await one.server.start_server()
    yield one
    await one.server.close()


@pytest.fixture
async def connect(server: Server) -> AsyncIterator[Any]:
    opened = []

    async def make(url: str = "", **settings: Any) -> OpenAIImages:
        values = {"retries": 2, "timeout": 5.0, **settings}
        renderer = OpenAIImages.create("some/model", RenderSettings(base_url=url or server.url, **values))
        renderer._endpoint._backoff = Backoff(first=0.01)
        await renderer.start()
        opened.append(renderer)
        return renderer

    yield make
    for one in opened:
        await one.close()
        await one.close()


def request(prompt: str = "((a red fox)), snow", seed: int = 7, negative: str = "text", **size: int) -> RenderRequest:
    return RenderRequest(prompt, ("a red fox", "snow"), negative, seed, **{"width": 1024, "height": 1024, **size})


def hide_nothing(error: BaseException) -> str:
    return f"{error!s} {error!r} {error.__cause__!r} {vars(error)}"


# -- the ordinary case -----------------------------------------------------------------------------


async def test_what_is_asked_and_what_comes_back(server: Server, connect: Any) -> None:
    renderer = await connect()
    drawn = await renderer.draw(request("((a red fox)), (snow:1.3) <lora:x> | hat"))
    assert (drawn.image.mode, drawn.image.size, drawn.note, drawn.seed, drawn.drawn) == (
        "RGB",
        (64, 48),
        "",
        None,
        None,
    )
    assert server.bodies == [
        {
            "model": "some/model",
            "prompt": "a red fox, snow  lora:x  , hat",
            "size": "1024x1024",
            "response_format": "b64_json",
            "seed": 7,
            "negative_prompt": "text",
        }
    ]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert renderer.bought == 1 and not renderer.deterministic


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_formats(server: Server, connect: Any, kind: str) -> None:
    server.script = [says(reply(encoded(kind)))]
    drawn = await (await connect()).draw(request())
    assert drawn.image.size == (64, 48)


async def test_options_go_with_every_request_and_null_leaves_a_field_out(server: Server, connect: Any) -> None:
    options = {"quality": "high", "num_inference_steps": 30, "seed": None, "response_format": "base64"}
    renderer = await connect(options=options)
    await renderer.draw(request(negative=""))
    body = server.bodies[0]
    assert (body["quality"], body["num_inference_steps"], body["response_format"]) == ("high", 30, "base64")
    assert "seed" not in body and "negative_prompt" not in body
    assert renderer.identity() == {"name": "openai-images", "model": "some/model", "sized": False, "options": options}


async def test_a_size_that_the_run_asks_for_is_made(server: Server, connect: Any) -> None:
    renderer = await connect(width=96, height=80)
    drawn = await renderer.draw(request(width=96, height=80))
    assert server.bodies[0]["size"] == "96x80"
    assert drawn.image.size == (96, 80)
    assert drawn.note == "came as 64x48 and was scaled and cropped"


async def test_what_is_transparent_lies_on_white(server: Server, connect: Any) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (32, 32), (10, 20, 30, 0)).save(buffer, "PNG")
    server.script = [says(reply(buffer.getvalue()))]
    assert (await (await connect()).draw(request())).image.getpixel((5, 5)) == (255, 255, 255)


async def test_a_prompt_that_the_endpoint_rewrote_is_noted(server: Server, connect: Any) -> None:
    server.script = [says(reply(encoded(), revised_prompt=f"A vivid fox {KEY}\x1b"))]
    assert (await (await connect()).draw(request())).note == "the endpoint's own prompt: A vivid fox ***"


async def test_no_more_at_once_than_allowed(server: Server, connect: Any) -> None:
    async def slow(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(0.02)
        return web.json_response(reply(encoded()))

    server.script = [slow]
    renderer = await connect(concurrency=3)
    await asyncio.gather(*(renderer.draw(request(seed=n)) for n in range(12)))
    assert server.most_running == renderer.workers == 3


# -- fields that an endpoint does not know ---------------------------------------------------------


async def test_what_is_refused_by_name_is_left_out_and_noted(server: Server, connect: Any) -> None:
    async def strict(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        for name in ("response_format", "seed", "negative_prompt"):
            if name in body:
                error = {"message": f"Unknown parameter: '{name}'.", "type": "invalid_request_error", "param": name}
                return web.json_response({"error": error}, status=400)
        return web.json_response(reply(encoded()))

    server.script = [strict]
    renderer = await connect()
    drawn = await renderer.draw(request("sunflower seed heads"))
    assert drawn.note == "not sent, because the endpoint refuses it: negative_prompt, seed"
    assert len(server.bodies) == 4
    drawn = await renderer.draw(request(negative=""))
    assert drawn.note == "not sent, because the endpoint refuses it: seed"
    assert len(server.bodies) == 5
    assert server.bodies[-1].keys() == {"model", "prompt", "size"}


def _no_size(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    if "size" in body:
        return web.json_response({"detail": [{"loc": ["body", "size"], "msg": "not a size of this model"}]}, status=422)
    return web.json_response(reply(encoded()))


async def test_a_proposed_size_may_be_refused_a_wanted_one_stops_the_run(server: Server, connect: Any) -> None:
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return _no_size(request, body)

    server.script = [answer]
    drawn = await (await connect()).draw(request())
    assert drawn.note == "not sent, because the endpoint refuses it: size" and drawn.image.size == (64, 48)
    with pytest.raises(BackendError, match="not a size of this model") as caught:
        await (await connect(width=512)).draw(request(width=512))
    assert "size" in caught.value.fix


async def test_an_option_that_is_refused_is_not_dropped(server: Server, connect: Any) -> None:
    server.script = [says({"error": {"message": "Unknown parameter: 'quality'.", "param": "quality"}}, 400)]
    with pytest.raises(BackendError, match="Unknown parameter: 'quality'") as caught:
        await (await connect(options={"quality": "best"})).draw(request())
    assert "render_settings.options" in caught.value.fix


# -- refusals for content --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "probes"),
    [
        (400, {"code": "moderation_blocked", "type": "image_generation_user_error"}, 0),
        (400, {"code": "content_policy_violation"}, 0),
        (400, {"code": "contentFilter"}, 0),
        (400, {"code": "400"}, 1),  # gateways hide it in words: a harmless picture shows what is meant
        (403, {"type": "forbidden"}, 1),
    ],
)
async def test_a_prompt_that_is_refused_costs_its_candidate_alone(
    server: Server, connect: Any, status: int, error: dict[str, Any], probes: int
) -> None:
    async def dislikes(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "fox" in body["prompt"]:
            return web.json_response({"error": {"message": "against our seed policy", **error}}, status=status)
        return web.json_response(reply(encoded()))

    server.script = [dislikes]
    renderer = await connect()
    with pytest.raises(PictureRefused, match="against our seed policy"):
        await renderer.draw(request())
    assert (len(server.bodies), renderer.bought) == (1 + probes, probes)
    assert (await renderer.draw(request("a stone"))).note == ""


@pytest.mark.parametrize("data", [[], [{"b64_json": None}], [{"url": ""}]])
async def test_an_answer_without_a_picture_is_a_refusal(server: Server, connect: Any, data: Any) -> None:
    async def withholds(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"data": data} if "fox" in body["prompt"] else reply(encoded()))

    server.script = [withholds]
    with pytest.raises(PictureRefused, match="without a picture"):
        await (await connect()).draw(request())
    server.script = [says({"data": data})]
    with pytest.raises(BackendError, match="refuses every request"):
        await (await connect()).draw(request())


# -- trouble ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_passing_trouble_is_survived(server: Server, connect: Any, status: int) -> None:
    server.script = [says({"error": "busy"}, status)] * 2 + [says(reply(encoded()))]
    renderer = await connect()
    assert (await renderer.draw(request())).image.size == (64, 48)
    assert renderer.retries == 2 and renderer.waiting() == "" and renderer.bought == 1


async def test_a_rate_limit_that_never_ends_stops_the_run(server: Server, connect: Any) -> None:
    server.script = [says({"error": "5 images per minute"}, 429)]
    with pytest.raises(BackendError, match=r"nothing through.*5 images per minute") as caught:
        await (await connect(patience=0.1)).draw(request())
    assert "render_settings.concurrency" in caught.value.fix and "render_settings.patience" in caught.value.fix


async def test_slow_answers_time_out(server: Server, connect: Any) -> None:
    async def slow(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(3)
        return web.Response()

    server.script = [slow, says(reply(encoded()))]
    assert (await (await connect(timeout=0.5)).draw(request())).image.size == (64, 48)


def bomb(side: int = 60_000) -> bytes:
    """A PNG of a hundred bytes; this one would unpack to 10 GB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(9999))), chunk(b"IEND", b"")
    return b"".join((b"\x89PNG\r\n\x1a\n", *chunks))


WHOLE = base64.b64encode(encoded()).decode()
BROKEN = {
    "truncated base64": {"data": [{"b64_json": WHOLE[: len(WHOLE) // 2 // 4 * 4]}]},
    "damaged base64": {"data": [{"b64_json": WHOLE[:-3]}]},
    "no base64": {"data": [{"b64_json": "%%%"}]},
    "a number": {"data": [{"b64_json": 17}]},
    "html": reply(b"<!DOCTYPE html><html>Sign in</html>"),
    "html for an answer": b"<html>Sign in</html>",
    "empty": b"",
    "a bomb": reply(bomb()),
    "another format": reply(encoded("GIF")),
    "a dot": reply(encoded(size=(1, 1))),
    "another protocol": {"images": ["x"]},
    "another field": {"data": [{"image": "x"}]},
    "texts": {"data": ["x"]},
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_what_is_no_picture_is_asked_for_again_then_the_run_stops(
    server: Server, connect: Any, kind: str
) -> None:
    server.script = [says(BROKEN[kind]), says(reply(encoded()))]
    assert (await (await connect()).draw(request())).image.size == (64, 48)
    server.script = [says(BROKEN[kind])]
    renderer = await connect(retries=1)
    with pytest.raises(BackendError, match="cannot be used: after 2 tries"):
        await renderer.draw(request())
    assert renderer.bought == 0


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (bomb(), "pixels"),
        (bomb(8000), "8000 x 8000 pixels"),
        (encoded()[:-40], "damaged"),
        (b"<html>", "HTML"),
        (b"", "0 bytes"),
    ],
)
def test_why_bytes_are_no_picture(raw: bytes, said: str) -> None:
    with pytest.raises(NoPicture, match=said):
        decode(raw)


# -- pictures behind addresses ---------------------------------------------------------------------


async def test_a_picture_behind_an_address_is_fetched(server: Server, connect: Any) -> None:
    server.files = {"a.png": [503, encoded("WEBP")]}
    server.script = [says({"data": [{"url": "/files/a.png?sig=s"}]})]
    renderer = await connect()
    assert (await renderer.draw(request())).image.size == (64, 48)
    assert server.fetched == [("/files/a.png?sig=s", f"Bearer {KEY}")] * 2
    assert (len(server.bodies), renderer.bought) == (1, 1)  # not drawn again


async def test_a_picture_in_an_address_is_unpacked(server: Server, connect: Any) -> None:
    server.script = [says({"data": [{"url": f"data:image/png;base64,{WHOLE}"}]})]
    assert (await (await connect()).draw(request())).image.size == (64, 48)


@pytest.fixture
async def elsewhere(server: Server) -> AsyncIterator[str]:
    """The same host, another origin."""
    app = web.Application()
    app.router.add_get("/files/{name}", server.file)
    other = TestServer(app)
    await other.start_server()
    yield str(other.make_url("/files/"))
    await other.close()


async def test_redirects_are_followed_without_the_key(server: Server, connect: Any, elsewhere: str) -> None:
    server.files = {"short": [f"{elsewhere}a.png"]}
    server.files["a.png"] = [encoded()]
    server.script = [says({"data": [{"url": "/files/short"}]})]
    assert (await (await connect()).draw(request())).image.size == (64, 48)
    assert server.fetched == [("/files/short", f"Bearer {KEY}"), ("/files/a.png", None)]


async def test_a_picture_that_cannot_be_had_stops_the_run(server: Server, connect: Any) -> None:
    server.files = {"loop": ["/files/loop"]}
    for name, said in (("gone", "status 404"), ("loop", "redirects without end")):
        server.script = [says({"data": [{"url": f"/files/{name}?sig=hunter22"}]})]
        with pytest.raises(BackendError, match=said) as caught:
            await (await connect(retries=0)).draw(request())
        assert "hunter22" not in hide_nothing(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.png",
        "gopher://x/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.png",
        "http://[::1]/a.png",
        "http://[::ffff:10.0.0.1]/a.png",
        "http://[broken/a.png",
        "http://a..b/a.png",
    ],
)
@pytest.mark.parametrize("redirected", [False, True])
async def test_what_is_never_fetched(server: Server, connect: Any, url: str, redirected: bool) -> None:
    server.files = {"to": [url]}
    server.script = [says({"data": [{"url": "/files/to" if redirected else url}]})]
    with pytest.raises(BackendError, match="where synth fetches none") as caught:
        await (await connect()).draw(request())
    assert "base64" in caught.value.fix
    assert len(server.bodies) == 1


async def test_a_name_for_this_machine_is_found_out_before_anything_is_sent(
    server: Server, connect: Any, elsewhere: str
) -> None:
    assert server.server is not None and server.server.host == "127.0.0.1"
    server.script = [says({"data": [{"url": elsewhere.replace("127.0.0.1", "localhost") + "a.png"}]})]
    with pytest.raises(BackendError, match="inside this machine"):
        await (await connect()).draw(request())
    assert server.fetched == []


@pytest.mark.parametrize(
    ("host", "public"),
    [("8.8.8.8", True), ("2001:4860:4860::8888", True), ("fe80::1%eth0", False), ("127.0.0.1", False),
     ("100.64.0.1", False), ("::ffff:8.8.8.8", True), ("::ffff:192.168.0.1", False), ("a.name", True)],
)  # fmt: skip
def test_public_addresses(host: str, public: bool) -> None:
    assert is_public(host) is public


# -- keys and addresses ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 429, 500])
async def test_the_key_is_in_no_message(
    server: Server, connect: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Location": f"http://u:{KEY}@elsewhere.test/{KEY}"} if status == 302 else {}
    server.script = [says({"error": f"unknown field seed, said {KEY}"}, status, **headers)]
    renderer = await connect(retries=0, patience=0.01)
    with pytest.raises(SynthError) as caught:
        await renderer.draw(request())
    assert KEY not in hide_nothing(caught.value) + caplog.text + str(renderer.identity())


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key_is_named(server: Server, connect: Any, status: int) -> None:
    server.script = [says({"error": "no"}, status)]
    with pytest.raises(BackendError, match="does not accept the API key") as caught:
        await (await connect()).draw(request())
    assert caught.value.fix == "Set SYNTH_RENDER_API_KEY to a key that may use some/model."


async def test_the_key_of_another_endpoint_is_not_sent(
    server: Server, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYNTH_RENDER_API_KEY")
    await (await connect()).draw(request())
    assert "Authorization" not in server.headers[0]


def test_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SYNTH_RENDER_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SynthError, match="openai-images:MODEL"):
        OpenAIImages.create("", RenderSettings())
    with pytest.raises(SynthError, match="does not know where to go") as caught:
        OpenAIImages.create("m", RenderSettings())
    assert "--render-base-url" in caught.value.fix
    with pytest.raises(SynthError, match="--render-base-url is not an http"):
        OpenAIImages.create("m", RenderSettings(base_url="localhost:8000"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert OpenAIImages.create("m", RenderSettings())._endpoint.base_url == "https://api.openai.com/v1"
    assert "openai-images" in {one.name for one in diagnose().roles["renderer"].options}


def test_an_option_that_synth_decides_is_refused() -> None:
    with pytest.raises(SynthError, match=r"render_settings\.options\.prompt"):
        OpenAIImages.create("m", RenderSettings(base_url="http://x/v1", options={"prompt": "x"}))


# -- whole runs ------------------------------------------------------------------------------------


@pytest.fixture
def start(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    plugins = plugin_dir(tmp_path / "plugins")

    async def go(name: str = "run", n: int = 8, **settings: Any) -> Summary:
        defaults = {"render_settings.base_url": server.url, "render_settings.retries": 0}
        config = load_config(
            None,
            {
                "abilities": {"tiny": n},
                "out": tmp_path / name,
                "plugin_dirs": [plugins],
                "llm": "scripted",
                "renderer": "openai-images:some/model",
                "scorer": "none",
                **defaults,
                **settings,
            },
        )
        return await generate(config)

    return go


async def draws(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
    """A picture that depends on the seed, as a good server's does."""
    picture = Image.open(io.BytesIO(encoded(size=(64, 64)))).rotate(body["seed"] % 360)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return web.json_response(reply(buffer.getvalue()))


async def test_a_run_from_prompt_to_marked_picture(server: Server, start: Any, tmp_path: Path, capsys: Any) -> None:
    server.script = [draws]
    summary = await start(**{"render_settings.price": 0.04})
    assert (summary.samples, summary.varying) == (8, ["pictures"])
    assert summary.tally.bought == len(server.bodies) >= 8
    for row in rows(tmp_path / "run"):
        (image,) = row["images"]
        assert (image["width"], image["height"], image["origin"], image["note"]) == (64, 64, "rendered", "")
        assert row["provenance"]["renderer"]["model"] == "some/model"
        assert row["provenance"]["licence"] == "Image generated with some/model"
        raw = (tmp_path / "run" / image["path"]).read_bytes()
        assert TRAINED.encode() in raw and f'synth:Seed="{image["seed"]}"'.encode() in raw
        assert b"openai-images some/model" in raw
    print_summary(summary)
    assert f"cost {0.04 * summary.tally.bought:.4f}" in capsys.readouterr().out
    assert look.status(tmp_path / "run").cost == pytest.approx(0.04 * summary.tally.bought)


async def test_what_was_committed_is_not_drawn_again(server: Server, start: Any, tmp_path: Path) -> None:
    server.script = [draws]
    await start("whole")
    server.bodies.clear()

    async def breaks(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(0.5)  # until what was drawn is committed
        return web.json_response({"error": "the GPU is gone"}, status=500)

    server.script = [draws] * 4 + [breaks]
    with pytest.raises(BackendError, match="the GPU is gone"):
        await start(**{"render_settings.concurrency": 1})
    before = pictures(tmp_path / "run")
    found = list(Ledger(tmp_path / "run", read_only=True).candidates("tiny"))
    done = {image.seed for one in found for image in one.images if image.path}
    assert len(before) == len(done) == 4 and {one.state for one in found} <= {"accepted", "surplus", "text_ok"}
    server.bodies.clear()
    server.script = [draws]
    await start()
    after = pictures(tmp_path / "run")
    assert {path: after[path] for path in before} == before
    assert done.isdisjoint(body["seed"] for body in server.bodies)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    with pytest.raises(RunRefused, match=r"renderer\.model: some/model -> other"):
        await start(renderer="openai-images:other")


async def test_a_picture_that_is_gone_is_drawn_again_unless_it_is_refused(
    server: Server, start: Any, tmp_path: Path
) -> None:
    server.script = [draws]
    await start(n=3)
    lost = tmp_path / "run" / rows(tmp_path / "run")[1]["images"][0]["path"]
    lost.unlink()
    server.script = [says({"error": {"code": "moderation_blocked"}}, 400)]
    with pytest.raises(BackendError, match="is not rendered again"):
        await start(n=3)
    server.script = [draws]
    assert (await start(n=3)).restored == 1 and lost.is_file()


async def test_a_refused_prompt_is_a_candidate_with_a_reason(server: Server, start: Any, tmp_path: Path) -> None:
    async def dislikes(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "teapot" in body["prompt"]:
            return web.json_response({"error": {"message": "no teapots", "code": "moderation_blocked"}}, status=400)
        return await draws(request, body)

    server.script = [dislikes]
    assert (await start(n=20)).samples == 20
    found = list(Ledger(tmp_path / "run", read_only=True).candidates("tiny"))
    failed = [one for one in found if one.state == "failed"]
    assert failed and {one.plan["subject"].text for one in failed} == {"teapot"}
    assert all(one.decided_by == "render" and "no teapots" in one.reason for one in failed)


async def test_a_budget_buys_no_more_pictures_and_loses_none(server: Server, start: Any, tmp_path: Path) -> None:
    async def slow(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return await draws(request, body)

    server.script = [slow]
    prices = {"render_settings.price": 1.0}
    with pytest.raises(RunStopped, match=r"--max-cost 5 is used up: 5\.0000 for \d+ requests and 5 pictures"):
        await start(n=20, max_cost=5, **prices)
    assert len(server.bodies) == len(pictures(tmp_path / "run")) == len(rows(tmp_path / "run")) == 5
    with pytest.raises(RunStopped, match="7 pictures"):
        await start(n=20, max_cost=7, **prices)
    assert len(server.bodies) == len(rows(tmp_path / "run")) == 7
    assert look.status(tmp_path / "run").used_up == ("--max-cost 7 is used up", "--max-cost 14")
    assert (await start(n=9, max_cost=100, **prices)).samples == 9


async def test_a_login_in_the_address_is_not_written_down(server: Server, start: Any, tmp_path: Path) -> None:
    server.script = [draws]
    await start(n=2, **{"render_settings.base_url": server.url.replace("http://", "http://user:s3cret@")})
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert b"s3cret" not in raw and KEY.encode() not in raw, path


async def test_killed_and_resumed_it_leaves_the_same_bytes(server: Server, tmp_path: Path) -> None:
    async def takes_time(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return await draws(request, body)

    server.script = [takes_time]
    flags = ("--render-base-url", server.url, "--scorer", "none")
    arguments = (1, 30, "scripted", "openai-images:some/model", "animal", tmp_path, 1, *flags)
    await asyncio.to_thread(compare, *arguments)
