"""The vLLM backend with the real engine: one start serves all tests but those of a start."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from endpoint import WRITE_SCHEMA, make_request

from synth.backends.llm.base import ChatReply, LLMSettings, SharedPrompt
from synth.backends.llm.vllm import VLLM
from synth.errors import BackendError, SynthError

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 1024
ENDLESS: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "string"}, "minItems": 500}},
    "required": ["a"],
}
EXAMPLES = SharedPrompt(
    [
        {"role": "system", "content": "You write keywords for pictures. " * 20},
        {"role": "user", "content": "Subject: cat"},
        {"role": "assistant", "content": '{"normal":"It sits.","keywords":["cat","red sofa","window","noon"]}'},
    ]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def llm(smollm: Path) -> AsyncIterator[VLLM]:
    one = VLLM.create(str(smollm), LLMSettings(max_length=LIMIT, concurrency=16, compile=False))
    await one.start()
    yield one
    await one.close()
    await one.close()
    assert not engines(), "the engine's process is still there"


def engines() -> list[Any]:
    return [one for one in multiprocessing.active_children() if one.name.startswith("EngineCore")]


def conforms(reply: ChatReply) -> bool:
    found = json.loads(reply.text)
    keywords = found["keywords"]
    return (
        set(found) == {"normal", "keywords"}
        and 1 <= len(found["normal"]) <= 120
        and 4 <= len(keywords) <= 8
        and all(1 <= len(one) <= 90 for one in keywords)
    )


async def test_replies_follow_the_schema(llm: VLLM) -> None:
    requests = [make_request(f"Subject: {n} dogs", seed=n, shared=EXAMPLES, max_tokens=750) for n in range(8)]
    replies = await asyncio.gather(*map(llm.chat, requests))
    assert [conforms(one) for one in replies] == [True] * 8
    assert all(one.completion_tokens > 0 and not one.truncated for one in replies)
    assert len({one.text for one in replies}) > 4


async def test_the_seed_decides(llm: VLLM) -> None:
    async def ask(seed: int) -> str:
        return (await llm.chat(make_request("Subject: harbour", seed=seed, temperature=1.0, max_tokens=300))).text

    first = await ask(5)
    assert await ask(5) == first
    assert await ask(6) != first


async def test_requests_are_batched(llm: VLLM) -> None:
    """Eight at once are much faster than eight in a row, and the first does not wait for the last."""

    def request(n: int) -> Any:
        return make_request(f"Subject: {n} boats", seed=n, schema=ENDLESS, max_tokens=60)

    began = time.perf_counter()
    for n in range(4):
        await llm.chat(request(n))
    one_by_one = time.perf_counter() - began
    began = time.perf_counter()
    await asyncio.gather(*(llm.chat(request(n)) for n in range(4, 8)))
    assert time.perf_counter() - began < 0.8 * one_by_one


async def test_the_shared_beginning_comes_from_the_prefix_cache(llm: VLLM) -> None:
    shared = SharedPrompt([{"role": "system", "content": "You know all about glass. " * 120}])
    first = await llm.chat(make_request("Subject: vase", shared=shared))
    second = await llm.chat(make_request("Subject: window", shared=shared))
    assert second.cached_tokens > 0.7 * second.prompt_tokens
    assert second.cached_tokens > first.cached_tokens


async def test_a_reply_that_was_cut_off_says_so(llm: VLLM) -> None:
    reply = await llm.chat(make_request("Subject: sea", schema=ENDLESS, max_tokens=20))
    assert reply.truncated and reply.completion_tokens == 20


async def test_an_abandoned_request_is_aborted(llm: VLLM) -> None:
    assert llm._engine is not None
    core = llm._engine.llm
    task = asyncio.create_task(llm.chat(make_request("Subject: sky", schema=ENDLESS, max_tokens=800)))
    while core.get_num_unfinished_requests() == 0:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert core.get_num_unfinished_requests() == 0
    # 800 tokens take many times as long: the engine is free at once
    assert (await llm.chat(make_request("Subject: sun", max_tokens=16))).completion_tokens == 16


async def test_a_prompt_that_is_too_long(llm: VLLM) -> None:
    with pytest.raises(BackendError, match=f"at most {LIMIT} tokens") as caught:
        await llm.chat(make_request("word " * 2 * LIMIT))
    assert "llm_settings.max_length" in caught.value.fix


async def test_a_dead_engine_stops_the_run(llm: VLLM) -> None:
    """The last test of this engine."""
    task = asyncio.create_task(llm.chat(make_request("Subject: end", schema=ENDLESS, max_tokens=800)))
    await asyncio.sleep(0.5)
    (engine,) = engines()
    engine.kill()
    with pytest.raises(BackendError, match="engine with the model smollm2-135m died") as caught:
        await task
    with pytest.raises(BackendError):
        await llm.chat(make_request("Subject: after the end"))
    assert llm._engine is not None and llm._engine.log is not None
    assert str(llm._engine.log) in caught.value.fix
    llm._engine.log.unlink()


# -- starts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said", "fix"),
    [
        ({"max_length": 100_000}, "more than the model smollm2-135m can read", "Set it lower"),
        ({"quantization": "nonsense"}, "quantization of the model", "llm_settings.quantization"),
    ],
)
async def test_settings_that_the_model_does_not_allow(
    settings: dict[str, Any], said: str, fix: str, smollm: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = VLLM.create(str(smollm), LLMSettings(**settings))
    with pytest.raises(SynthError, match=said) as caught:
        await one.start()
    await one.close()
    assert fix in caught.value.fix
    assert capfd.readouterr() == ("", "")


async def test_no_room(smollm: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE")
    one = VLLM.create(str(smollm), LLMSettings(memory_fraction=1.0, compile=False))
    with pytest.raises(BackendError, match="less memory free") as caught:
        await one.start()
    await one.close()
    assert "llm_settings.memory_fraction" in caught.value.fix
    assert not engines()
    assert capfd.readouterr() == ("", "")


async def test_a_start_can_be_given_up(smollm: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = VLLM.create(str(smollm), LLMSettings(max_length=LIMIT, compile=False))
    task = asyncio.create_task(one.start())
    while not engines():
        await asyncio.sleep(0.1)
        assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    began = time.monotonic()
    await one.close()
    assert time.monotonic() - began < 30 and not engines()
    assert capfd.readouterr() == ("", "")


def test_a_model_without_a_chat_template(smollm: Path) -> None:
    from transformers import AutoTokenizer

    from synth.backends.llm.vllm.chat import ChatTemplate

    tokenizer = AutoTokenizer.from_pretrained(smollm)
    tokenizer.chat_template = None
    with pytest.raises(BackendError, match="no chat template that can be used"):
        ChatTemplate(tokenizer, "base")


def test_examples_come_first(smollm: Path) -> None:
    """What the requests of one group share is a prefix of their tokens, or no cache would help."""
    from transformers import AutoTokenizer

    from synth.backends.llm.vllm.chat import ChatTemplate

    template = ChatTemplate(AutoTokenizer.from_pretrained(smollm), "smollm")
    first, second = (
        template.tokens(make_request(f"Subject: {what}", shared=EXAMPLES).messages) for what in ("owl", "x-ray")
    )
    same = next(n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    assert same > 0.9 * len(first)
    assert conforms(ChatReply('{"normal":"a","keywords":["a","b","c","d"]}')) and WRITE_SCHEMA["required"]
