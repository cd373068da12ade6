"""The OpenAI-compatible backend against an endpoint that misbehaves."""

from __future__ import annotations

import asyncio
import logging
import time
from email.utils import formatdate

import pytest
from aiohttp import web
from endpoint import WRITE_SCHEMA, completion, make_request, says

from synth.backends.endpoint.retrying import Backoff, RateLimit, retry_after
from synth.backends.llm.base import LLMSettings, SharedPrompt
from synth.backends.llm.openai import OpenAICompatible
from synth.errors import BackendError, ReplyError, SynthError

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.delenv("SYNTH_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
async def connect(endpoint):
    opened = []

    async def make(url: str = "", **settings) -> OpenAICompatible:
        values = {"retries": 3, "timeout": 5.0, **settings}
        llm = OpenAICompatible.create("some/model", LLMSettings(base_url=url or endpoint.url, **values))
        llm._endpoint._backoff = Backoff(first=0.01)
        await llm.start()
        opened.append(llm)
        return llm

    yield make
    for llm in opened:
        await llm.close()
        await llm.close()


def hide_nothing(error: BaseException) -> str:
    """All that a user or a log could see of an error."""
    return f"{error!s} {error!r} {error.__cause__!r} {vars(error)}"


# -- the ordinary case -----------------------------------------------------------------------------


async def test_reply_and_body(endpoint, connect):
    endpoint.script = [says(completion("hello", finish_reason="length"))]
    llm = await connect()
    request = make_request('quote " and \n newline')
    reply = await llm.chat(request)
    assert (reply.text, reply.mode, reply.truncated) == ("hello", "schema", True)
    assert (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens) == (50, 40, 9)
    (body,) = endpoint.bodies
    assert body["messages"] == request.messages
    assert body["model"] == "some/model"
    assert body["response_format"]["json_schema"]["schema"] == WRITE_SCHEMA
    assert (body["seed"], body["max_tokens"], body["temperature"], body["top_p"]) == (7, 64, 0.7, 0.95)
    assert endpoint.headers[0]["Authorization"] == f"Bearer {KEY}"


async def test_no_shared_messages(endpoint, connect):
    endpoint.script = [says(completion())]
    request = make_request(shared=SharedPrompt([]))
    await (await connect()).chat(request)
    assert endpoint.bodies[0]["messages"] == request.messages


@pytest.mark.parametrize("usage", [None, "?", {}, {"prompt_tokens": "many"}])
async def test_missing_token_counts_are_estimated_and_marked(endpoint, connect, usage):
    endpoint.script = [says({**completion("x" * 40), "usage": usage})]
    request = make_request()
    reply = await (await connect()).chat(request)
    assert reply.estimated
    assert reply.completion_tokens == 10
    assert reply.prompt_tokens == (len(request.shared.json) + len(request.message)) // 4
    endpoint.script = [says(completion())]
    assert not (await (await connect()).chat(request)).estimated


# -- retries ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_honoured(endpoint, connect, form):
    wait = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
    endpoint.script = [says({}, 429, Retry_After=wait), says(completion())]
    llm = await connect()
    began = time.monotonic()
    await llm.chat(make_request())
    assert 0.9 < time.monotonic() - began < 4


async def test_retry_after_holds_other_requests_too(endpoint, connect):
    endpoint.script = [says({}, 429, Retry_After="1"), says(completion())]
    llm = await connect()
    first = asyncio.create_task(llm.chat(make_request()))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    await llm.chat(make_request())
    assert time.monotonic() - began > 0.5
    await first


async def test_rate_limits_are_waited_out_however_often_they_come(endpoint, connect):
    endpoint.script = [says({"error": "slow down"}, 429)] * 12 + [says(completion())]
    llm = await connect(retries=1, patience=60)
    llm._endpoint._backoff = Backoff(first=0.0001)
    asked = asyncio.create_task(llm.chat(make_request()))
    seen = set()
    while not asked.done():
        seen.add(llm.waiting())
        await asyncio.sleep(0.0005)
    assert (await asked).text
    assert (len(endpoint.bodies), llm.retries) == (13, 12)
    assert any("1 waiting: rate limited, retrying in 0 s" in text for text in seen)
    assert llm.waiting() == ""


async def test_a_rate_limit_that_never_ends_stops_the_run(endpoint, connect):
    endpoint.script = [says({"error": "quota of the day"}, 429)]
    llm = await connect(patience=0.2)
    with pytest.raises(BackendError, match=r"nothing through.*quota of the day") as caught:
        await llm.chat(make_request())
    assert "llm_settings.patience" in caught.value.fix


async def test_fewer_are_sent_at_once_while_rate_limited(endpoint, connect):
    running = most = 0
    most_later = []

    async def three_at_once(request, body):
        nonlocal running, most
        running += 1
        most = max(most, running)
        most_later.append(running)
        await asyncio.sleep(0.01)
        try:
            return web.json_response(completion(), status=200 if running <= 3 else 429)
        finally:
            running -= 1

    endpoint.script = [three_at_once]
    llm = await connect(concurrency=32)
    replies = await asyncio.gather(*(llm.chat(make_request(seed=n)) for n in range(120)))
    assert len(replies) == 120
    assert most > 16
    assert max(most_later[-40:]) <= 6


async def test_a_very_long_wait_stops_the_run(endpoint, connect):
    endpoint.script = [says({}, 429, Retry_After="7200")]
    with pytest.raises(BackendError, match="120 minutes"):
        await (await connect()).chat(make_request())


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_passing_trouble_is_survived(endpoint, connect, status):
    endpoint.script = [says({"error": "busy"}, status)] * 3 + [says(completion())]
    assert (await (await connect()).chat(make_request())).text
    assert len(endpoint.bodies) == 4


async def test_a_lasting_500_stops_the_run(endpoint, connect):
    endpoint.script = [says({"error": "boom"}, 500)]
    llm = await connect(retries=1)
    for _ in range(2):
        with pytest.raises(BackendError, match="cannot be used") as caught:
            await llm.chat(make_request())
        assert "boom" in caught.value.message and "goes on where it stopped" in caught.value.fix
    assert len(endpoint.bodies) == 3  # two tries and a harmless request; then nothing more is sent


async def test_a_breakdown_that_is_over_costs_nothing(endpoint, connect):
    endpoint.script = [says({"error": "boom"}, 500)] * 2 + [says(completion()), says(completion("mine"))]
    reply = await (await connect(retries=1)).chat(make_request())
    assert reply.text == "mine"
    assert (reply.prompt_tokens, reply.completion_tokens) == (100, 18)  # with those of the harmless request


async def test_a_harmless_request_is_paid_for_where_the_repeated_one_has_no_text(endpoint, connect):
    endpoint.script = [says({"error": "boom"}, 500)] * 2 + [says(completion()), says(completion(None))]
    llm = await connect(retries=1)
    with pytest.raises(ReplyError) as caught:
        await llm.chat(make_request())
    reply = caught.value.reply
    assert (reply.prompt_tokens, reply.completion_tokens) == (100, 18)


async def test_a_single_poisonous_request_does_not_stop_the_run(endpoint, connect):
    async def poisoned(request, body):
        bad = "poison" in body["messages"][-1]["content"]
        return web.json_response({} if bad else completion(), status=500 if bad else 200)

    endpoint.script = [poisoned]
    llm = await connect(retries=0)
    for _ in range(5):
        with pytest.raises(ReplyError, match="500"):
            await llm.chat(make_request("poison"))


async def _half(request, body):
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [{"mess')
    request.transport.close()
    return response


async def _drop(request, body):
    request.transport.close()
    return web.Response()


async def _slow(request, body):
    await asyncio.sleep(3)
    return web.json_response(completion())


BROKEN = {
    "garbage": says(b"\x00\xff<html>"),
    "empty": says(b""),
    "no choices": says({"choices": []}),
    "list": says([1, 2]),
    "null message": says({"choices": [{"message": None}]}),
    "half": _half,
    "dropped": _drop,
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_broken_answers_are_retried_then_given_up(endpoint, connect, kind):
    llm = await connect(retries=2)
    endpoint.script = [BROKEN[kind], says(completion())]
    assert (await llm.chat(make_request())).text
    endpoint.script = [BROKEN[kind]]
    endpoint.bodies.clear()
    with pytest.raises(BackendError, match="after 3 tries"):
        await llm.chat(make_request())
    # a request is repeated at once when a kept connection was closed under it
    assert 4 <= len(endpoint.bodies) <= 8


async def test_slow_answers_time_out(endpoint, connect):
    endpoint.script = [_slow, says(completion())]
    llm = await connect(timeout=0.3)
    assert (await llm.chat(make_request())).text


async def test_no_endpoint_stops_the_run(connect):
    llm = await connect("http://127.0.0.1:9/v1", retries=1)
    with pytest.raises(BackendError, match="no connection") as caught:
        await llm.chat(make_request())
    assert "goes on where it stopped" in caught.value.fix


async def test_a_rate_limit_leaks_no_place_whatever_is_cancelled():
    limit = RateLimit(3)
    for _ in range(3):
        await limit.enter()
    limit.refused(time.monotonic())  # one at a time from here on
    waiting = [asyncio.create_task(limit.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    for _ in range(3):
        limit.leave()
    assert [task.done() for task in waiting] == [False] * 3  # the first has its place, but has not run
    waiting[0].cancel()
    waiting[1].cancel()
    async with asyncio.timeout(1):
        await waiting[2]
    limit.leave()
    async with asyncio.timeout(1):
        await limit.enter()


async def test_a_wait_that_is_made_longer_meanwhile_is_kept(endpoint, connect):
    endpoint.script = [says(completion())]
    llm = await connect()
    began = time.monotonic()
    llm._endpoint._backoff.hold_all(0.3)
    asked = asyncio.create_task(llm.chat(make_request()))
    await asyncio.sleep(0.1)
    llm._endpoint._backoff.hold_all(0.9)
    await asked
    assert time.monotonic() - began > 0.9


def test_delays_stay_short_however_many_tries_there_were():
    assert 0 <= Backoff().delay(5000) <= 60


def test_retry_after_forms():
    assert retry_after("3") == 3
    assert retry_after("-3") == 0
    assert retry_after("soon") is None
    assert retry_after("inf") is None
    assert retry_after(None) is None
    assert 8 < (retry_after(formatdate(time.time() + 10, usegmt=True)) or 0) <= 10


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "requests"), [(401, 1), (403, 2)])  # 403 may be about the prompt
async def test_wrong_key(endpoint, connect, status, requests):
    endpoint.script = [says({"error": {"message": f"Incorrect API key provided: {KEY}"}}, status)]
    with pytest.raises(BackendError, match="OPENAI_API_KEY") as caught:
        await (await connect()).chat(make_request())
    assert KEY not in hide_nothing(caught.value)
    assert len(endpoint.bodies) == requests


@pytest.mark.parametrize("status", [302, 400, 402, 404, 413, 429, 500])
async def test_the_key_is_in_no_message(endpoint, connect, status, caplog):
    caplog.set_level(logging.DEBUG)
    headers = {"Location": f"http://u:{KEY}@elsewhere.test/{KEY}"} if status == 302 else {}
    endpoint.script = [says({"error": f"seed response_format \x1b[31m Bearer {KEY}"}, status, **headers)]
    llm = await connect(retries=1, patience=0.1)
    with pytest.raises(SynthError) as caught:
        await llm.chat(make_request())
    assert KEY not in hide_nothing(caught.value)
    assert "\x1b" not in str(caught.value)
    assert KEY not in caplog.text
    assert KEY not in str(llm.identity())


async def test_redirects_are_not_followed(endpoint, connect):
    endpoint.script = [says({}, 307, Location="http://elsewhere.test/v1")]
    with pytest.raises(BackendError, match=r"elsewhere\.test"):
        await (await connect()).chat(make_request())
    assert len(endpoint.bodies) == 1


async def test_unknown_model(endpoint, connect):
    endpoint.script = [says({"error": "The model does not exist"}, 404)]
    with pytest.raises(BackendError, match="no model some/model"):
        await (await connect()).chat(make_request())


async def test_no_credit_is_not_retried(endpoint, connect):
    endpoint.script = [says({"error": {"code": "insufficient_quota"}}, 429)]
    with pytest.raises(BackendError, match="no credit"):
        await (await connect()).chat(make_request())
    assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (completion(""), "the reply is empty"),
        (completion(None), "the reply is empty"),
        (completion([{"type": "image"}]), "the reply is not a text: .*image"),
        (b"", "the reply is empty"),
        (b"<html>\x1bSign in" + b"x" * 500, "no chat completion: <html> Sign inx{1,99}\\."),
    ],
)
async def test_what_came_instead_of_a_text_is_quoted(endpoint, connect, answer, said):
    endpoint.script = [says(answer)]
    with pytest.raises((ReplyError, BackendError), match=said):
        await (await connect(retries=0)).chat(make_request())


@pytest.mark.parametrize(
    "answer",
    [
        completion(None),
        completion([{"type": "text", "text": "x"}]),
        completion(""),
        completion(None, refusal="I cannot help with that"),
        completion("x", finish_reason="content_filter"),
        completion(None, finish_reason="length"),
    ],
)
async def test_replies_without_text_are_paid_for(endpoint, connect, answer):
    endpoint.script = [says(answer)]
    with pytest.raises(ReplyError) as caught:
        await (await connect()).chat(make_request())
    reply = caught.value.reply
    assert (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens) == (50, 40, 9)
    assert len(endpoint.bodies) == 1


def _dislikes(word, status=400):
    async def answer(request, body):
        bad = word in body["messages"][-1]["content"]
        said = {"error": f"{word} is too long or worse"}
        return web.json_response(said if bad else completion(), status=status if bad else 200)

    return answer


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_request_refused_for_its_content_costs_only_its_candidate(endpoint, connect, status):
    endpoint.script = [_dislikes("weapon", status)]
    llm = await connect()
    with pytest.raises(ReplyError, match=f"{status}.*weapon is too long") as caught:
        await llm.chat(make_request("weapon"))
    assert caught.value.reply is not None and caught.value.reply.prompt_tokens == 50  # of the harmless request
    assert (await llm.chat(make_request("flower"))).text


async def test_no_harmless_request_is_sent_where_others_are_answered(endpoint, connect):
    arrived = asyncio.Event()

    async def slow_refusal(request, body):
        if body["messages"][-1]["content"] != "weapon":
            return web.json_response(completion())
        arrived.set()
        await asyncio.sleep(0.2)
        return web.json_response({"error": "no"}, status=400)

    endpoint.script = [slow_refusal]
    llm = await connect()
    refused = asyncio.create_task(llm.chat(make_request("weapon")))
    await arrived.wait()
    await llm.chat(make_request("flower"))
    with pytest.raises(ReplyError):
        await refused
    assert len(endpoint.bodies) == 2


@pytest.mark.parametrize("before", [(), ("flower",)])
async def test_403_for_one_prompt_is_about_the_prompt(endpoint, connect, before):
    """Also where it is the first that a process hears: otherwise every resume would stop at the same prompt."""
    endpoint.script = [_dislikes("weapon", 403)]
    llm = await connect()
    for message in before:
        await llm.chat(make_request(message))
    with pytest.raises(ReplyError, match=r"403.*weapon is too long"):
        await llm.chat(make_request("weapon"))
    endpoint.script = [says({"error": "revoked"}, 403)]
    with pytest.raises(BackendError, match=r"does not accept the API key.*revoked"):
        await llm.chat(make_request("flower"))


async def test_a_wait_that_is_asked_for_holds_those_in_line_too(endpoint, connect):
    times = []

    async def answer(request, body):
        times.append(time.monotonic())
        first = len(times) == 1
        headers = {"Retry-After": "1"} if first else {}
        return web.json_response({} if first else completion(), status=429 if first else 200, headers=headers)

    endpoint.script = [answer]
    llm = await connect(concurrency=1)
    await asyncio.gather(*(llm.chat(make_request(seed=n)) for n in range(3)))
    assert times[1] - times[0] > 0.9


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_an_endpoint_that_refuses_everything_stops_the_run_and_is_quoted(endpoint, connect, status):
    endpoint.script = [says({"error": "maximum context length is 2048 tokens"}, status)]
    llm = await connect()
    outcomes = await asyncio.gather(*(llm.chat(make_request(seed=n)) for n in range(8)), return_exceptions=True)
    assert {type(one) for one in outcomes} == {BackendError}
    assert "maximum context length is 2048 tokens" in outcomes[0].message
    assert "run the same command again" in outcomes[0].fix
    assert len(endpoint.bodies) == 9


async def test_many_refusals_in_a_row_stop_the_run(endpoint, connect):
    endpoint.script = [_dislikes("weapon")]
    llm = await connect(concurrency=1)
    for _ in range(51):
        with pytest.raises(ReplyError):
            await llm.chat(make_request("weapon"))
    with pytest.raises(BackendError, match=r"52 requests in a row.*weapon is too long"):
        await llm.chat(make_request("weapon"))


# -- dialects --------------------------------------------------------------------------------------


def _knows(*kinds):
    async def answer(request, body):
        kind = body.get("response_format", {}).get("type", "text")
        if kind not in kinds:
            return web.json_response({"error": f"response_format {kind} is not supported"}, status=400)
        return web.json_response(completion())

    return answer


@pytest.mark.parametrize(("kinds", "mode", "tries"), [(("json_object", "text"), "json", 3), (("text",), "text", 4)])
async def test_structure_falls_back_and_is_remembered(endpoint, connect, kinds, mode, tries):
    endpoint.script = [_knows(*kinds)]
    llm = await connect(retries=0)
    assert (await llm.chat(make_request())).mode == mode
    assert len(endpoint.bodies) == tries
    assert (await llm.chat(make_request())).mode == mode
    assert len(endpoint.bodies) == tries + 1
    last = endpoint.bodies[-1]["messages"][-1]["content"]
    assert last == make_request().message + (await llm.chat(make_request())).appended
    assert last.startswith("Subject: giraffe")
    assert "JSON" in last
    assert '"maxItems":8' in last


async def test_many_requests_learn_one_thing(endpoint, connect):
    endpoint.script = [_knows("json_object", "text")]
    llm = await connect(retries=0)
    replies = await asyncio.gather(*(llm.chat(make_request(seed=n)) for n in range(20)))
    assert {reply.mode for reply in replies} == {"json"}


async def test_strict_is_dropped_before_the_schema(endpoint, connect):
    async def lax(request, body):
        if body["response_format"]["json_schema"].get("strict"):
            return web.json_response({"error": "Invalid schema: maxLength is not permitted"}, status=400)
        return web.json_response(completion())

    endpoint.script = [lax]
    assert (await (await connect()).chat(make_request())).mode == "schema"


async def test_unknown_fields_are_left_out(endpoint, connect):
    async def picky(request, body):
        if "max_tokens" in body:
            said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
            return web.json_response({"error": said}, status=400)
        for name in ("temperature", "seed"):
            if name in body:
                return web.json_response({"error": f"Unsupported value: '{name}'"}, status=422)
        return web.json_response(completion())

    endpoint.script = [picky]
    reply = await (await connect()).chat(make_request())
    assert (reply.mode, reply.left_out, reply.appended) == ("schema", ("seed", "temperature"), "")
    assert endpoint.bodies[-1]["max_completion_tokens"] == 64
    assert endpoint.bodies[-1]["top_p"] == 0.95


@pytest.mark.parametrize(
    "prompt", ["a sunflower seed head", "a structured chair", "unknown field: schema of an engine"]
)
async def test_a_prompt_that_is_quoted_back_changes_nothing(endpoint, connect, prompt):
    endpoint.script = [_dislikes(prompt)]
    llm = await connect()
    with pytest.raises(ReplyError, match=prompt):
        await llm.chat(make_request(prompt))
    reply = await llm.chat(make_request("flower"))
    assert (reply.mode, reply.left_out) == ("schema", ())


# -- settings --------------------------------------------------------------------------------------


def test_nothing_to_go_to(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(SynthError, match="--base-url"):
        OpenAICompatible.create("m", LLMSettings())


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/v1", "http://", "http://x:99999/v1"])
def test_unusable_addresses(url):
    with pytest.raises(SynthError, match="http"):
        OpenAICompatible.create("m", LLMSettings(base_url=url))


@pytest.mark.parametrize("path", ["", "/", "/chat/completions"])
async def test_a_query_in_the_address_is_sent_and_its_keys_are_not_shown(endpoint, connect, path):
    """Azure's form. The path goes before the query."""
    asked = []

    async def answer(request, body):
        asked.append(request.path_qs)
        return web.json_response({"error": "code hunter22 or api-version 2024-10-21 is wrong"}, status=401)

    endpoint.script = [answer]
    llm = await connect(f"{endpoint.url}{path}?api-version=2024-10-21&code=hunter22")
    with pytest.raises(BackendError) as caught:
        await llm.chat(make_request())
    assert asked == ["/v1/chat/completions?api-version=2024-10-21&code=hunter22"]
    assert "hunter22" not in hide_nothing(caught.value)
    assert llm._endpoint.clean("hunter22 2024-10-21") == "*** 2024-10-21"


def test_a_fragment_in_the_address_is_refused():
    with pytest.raises(SynthError, match="fragment"):
        OpenAICompatible.create("m", LLMSettings(base_url="http://localhost:8000/v1#/chat"))


def test_model_is_needed():
    with pytest.raises(SynthError, match="openai:MODEL"):
        OpenAICompatible.create("", LLMSettings())


async def test_login_in_the_address(endpoint, connect, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    endpoint.script = [says({"error": "who is user:hunter22?"}, 500)]
    llm = await connect(endpoint.url.replace("http://", "http://user:hunter22@"), retries=0)
    with pytest.raises(BackendError) as caught:
        await llm.chat(make_request())
    assert endpoint.headers[0]["Authorization"].startswith("Basic ")
    assert "hunter22" not in hide_nothing(caught.value) + str(llm.identity())


async def test_a_dummy_key_does_not_garble_messages(endpoint, connect, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    endpoint.script = [says({"error": "maximum context exceeded"}, 400)]
    with pytest.raises(BackendError, match="maximum context exceeded"):
        await (await connect()).chat(make_request())


async def test_synth_key_goes_first(endpoint, connect, monkeypatch):
    monkeypatch.setenv("SYNTH_API_KEY", "other")
    endpoint.script = [says(completion())]
    await (await connect()).chat(make_request())
    assert endpoint.headers[0]["Authorization"] == "Bearer other"
