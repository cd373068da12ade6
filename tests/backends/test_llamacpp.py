"""The embedded model: files that cannot be loaded, slots, and a real one with SmolLM2."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from endpoint import make_request

from synth.backends import models
from synth.backends.fingerprint import fingerprint
from synth.backends.llm.base import LLMSettings, SharedPrompt
from synth.backends.llm.llamacpp import LlamaCpp, Slots, patient_threads
from synth.errors import BackendError, ReplyError, SynthError

ANSWER = {
    "type": "object",
    "properties": {"answer": {"type": "string", "minLength": 1, "maxLength": 60}},
    "required": ["answer"],
    "additionalProperties": False,
}

ENDLESS = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "string"}, "minItems": 500}},
    "required": ["a"],
}


def small() -> str:
    file = models.path("smollm2-135m")
    if file is None:
        pytest.skip("the model smollm2-135m is not on this machine; 'make test' fetches it")
    return str(file)


# -- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "is no GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"GGUF\x03\x00\x00\x00" + b"\xff" * 500, "cannot load"),
    ],
)
async def test_unusable_files_are_named(tmp_path, content, said):
    # Not importorskip: importing it here would load OpenMP before `patient_threads` could speak to it.
    if find_spec("xllamacpp") is None:
        pytest.skip("the package xllamacpp is not installed")
    file = tmp_path / "bad.gguf"
    file.write_bytes(content)
    llm = LlamaCpp.create(str(file), LLMSettings())
    with pytest.raises(SynthError, match=said) as caught:
        await llm.start()
    assert str(file) in str(caught.value)
    assert caught.value.fix
    await llm.close()


async def test_absent_file(tmp_path):
    llm = LlamaCpp.create(str(tmp_path / "none.gguf"), LLMSettings())
    with pytest.raises(SynthError, match="There is no file"):
        llm.identity()


def test_identity_is_the_content(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "a.gguf"
    file.write_bytes(b"GGUF1")
    first = LlamaCpp.create(str(file), LLMSettings()).identity()
    monkeypatch.setattr(models, "sha256_of", lambda file: pytest.fail("hashed twice"))
    assert LlamaCpp.create(str(file), LLMSettings()).identity() == first
    monkeypatch.undo()
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path / "cache"))
    file.write_bytes(b"GGUF22")
    assert LlamaCpp.create(str(file), LLMSettings()).identity() != first
    assert LlamaCpp.create("", LLMSettings()).identity()["sha256"] == "cc324af070c2ecbf"


def test_a_broken_memory_of_fingerprints_is_ignored(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path))
    (tmp_path / "fingerprints.json").write_text("{broken")
    file = tmp_path / "a"
    file.write_bytes(b"x")
    assert fingerprint(file) == models.sha256_of(file)


# -- slots -----------------------------------------------------------------------------------------


def test_a_prefix_keeps_its_slot():
    slots = Slots(3)

    def use(key: str) -> int:
        slot = slots.take(key)
        slots.release(slot)
        return slot

    a, b, c = use("a"), use("b"), use("c")
    assert len({a, b, c}) == 3
    assert (use("a"), use("b"), use("a")) == (a, b, a)
    assert use("d") == c
    assert use("a") == a


def test_busy_slots_are_left_alone():
    slots = Slots(2)
    assert slots.take("a") != slots.take("a")
    with pytest.raises(BackendError):
        slots.take("a")


def test_openmp_is_told_to_sleep(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with patient_threads():
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert "OMP_WAIT_POLICY" not in os.environ
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    with patient_threads():
        assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


# -- the real thing --------------------------------------------------------------------------------


def _shared(name: str) -> SharedPrompt:
    return SharedPrompt([{"role": "system", "content": "You describe pictures in few words. " * 8 + name * 12}])


@pytest.mark.model
async def test_real_replies(capfd):
    llm = LlamaCpp.create(small(), LLMSettings())
    try:
        await llm.start()
        replies = []
        for n in range(4):
            shared = _shared(("red ", "blue ")[n % 2])
            replies.append(await llm.chat(make_request(f"A cat, {n}.", shared=shared, schema=ANSWER, max_tokens=60)))
        for reply in replies:
            assert reply.completion_tokens > 0
            assert reply.truncated or isinstance(json.loads(reply.text)["answer"], str)
        assert any(not reply.truncated for reply in replies)
        # Two prefixes in turn: from the second time on, each is read from its own slot.
        assert all(reply.cached_tokens > 0.8 * reply.prompt_tokens for reply in replies[2:])
        short = await llm.chat(make_request("A dog.", shared=_shared("red "), schema=ANSWER, max_tokens=3))
        assert short.truncated
        assert short.completion_tokens == 3
        with pytest.raises(ReplyError, match="context size"):
            await llm.chat(make_request("word " * 9000, schema=ANSWER))
    finally:
        await llm.close()
        await llm.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
async def test_a_running_generation_can_be_abandoned():
    llm = LlamaCpp.create(small(), LLMSettings())
    await llm.start()
    try:
        long = make_request("Tell a story.", schema=ENDLESS, max_tokens=1900)
        task = asyncio.create_task(llm.chat(long))
        await asyncio.sleep(0.3)
        (generation,) = llm._running
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await llm.chat(make_request("A dog.", schema=ANSWER, max_tokens=4))
        assert generation._finish is None
    finally:
        await llm.close()


_ENDLESS = """
import asyncio, signal, sys
# jobs in the background of a shell inherit an ignored SIGINT
signal.signal(signal.SIGINT, signal.default_int_handler)
from synth.backends.llm.base import ChatRequest, LLMSettings, SharedPrompt
from synth.backends.llm.llamacpp import LlamaCpp
async def main():
    llm = LlamaCpp.create(sys.argv[1], LLMSettings())
    await llm.start()
    print("go", flush=True)
    items = {"type": "array", "items": {"type": "string"}, "minItems": 500}
    schema = {"type": "object", "properties": {"a": items}, "required": ["a"]}
    try:
        await llm.chat(ChatRequest(SharedPrompt([]), "Tell a story.", schema, 1, 1900, 0.7, 0.95))
    finally:
        await llm.close()
asyncio.run(main())
"""


@pytest.mark.model
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_ends_the_process():
    import signal

    process = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, small()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGINT, errors
    assert "KeyboardInterrupt" in errors
