"""Whole runs: vLLM in the process of the command, and vLLM as a server behind the HTTP backend."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
from endpoint import WRITE_SCHEMA, make_request

from synth.backends.llm.base import LLMSettings, SharedPrompt
from synth.backends.llm.openai import OpenAICompatible
from synth.ledger import Ledger

_START_SECONDS = 900


def generate(smollm: Path, out: Path) -> list[str]:
    return [
        sys.executable, "-m", "synth.cli", "generate", "--ability", "animal", "--n", "2", "--max-candidates", "4",
        "--llm", f"vllm:{smollm}", "--renderer", "preview", "--out", str(out), "--max-tokens", "200",
        "--set", "llm_settings.max_length=4096", "--set", "llm_settings.compile=false",
    ]  # fmt: skip


def test_a_run(smollm: Path, tmp_path: Path) -> None:
    """The model writes badly. What must hold: the run works, and every candidate ends with a reason."""
    done = subprocess.run(generate(smollm, tmp_path / "run"), capture_output=True, text=True, timeout=_START_SECONDS)
    assert done.returncode in (0, 3), done.stderr
    assert "EngineCore" not in done.stdout + done.stderr and "Traceback" not in done.stderr
    ledger = Ledger(tmp_path / "run", read_only=True)
    candidates = list(ledger.candidates("animal"))
    assert candidates
    calls = [call for one in candidates for call in one.calls]
    assert calls and all(call.completion_tokens for call in calls)
    assert sum(call.cached_tokens for call in calls) > 0
    for one in candidates:
        assert one.state in ("accepted", "rejected", "failed", "surplus")
        assert one.state in ("accepted", "surplus") or one.reason, one
    identity = ledger.meta("identity")["llm"]
    assert (identity["name"], identity["model"]) == ("vllm", "smollm2-135m")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups to signal")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_the_whole_group_ends_a_run(smollm: Path, tmp_path: Path, number: int, code: int) -> None:
    """As a terminal sends Ctrl-C: the engine's process gets it, too, and must not make it an error."""
    process = subprocess.Popen(
        generate(smollm, tmp_path / "run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    deadline = time.monotonic() + _START_SECONDS
    while not _engines(process.pid) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    assert "Stopped by" in errors


def _engines(pid: int) -> list[int]:
    """Its child processes that are engines, or become some."""
    import psutil

    try:
        children = psutil.Process(pid).children(recursive=True)
        return [one.pid for one in children if "spawn_main" in str(one.cmdline())]
    except psutil.Error:
        return []


@pytest.fixture(scope="module")
def server(smollm: Path) -> Iterator[str]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(smollm), "--port", str(port),
        "--served-model-name", "smollm", "--max-model-len", "2048", "--host", "127.0.0.1",
        "--enable-prompt-tokens-details", "--enforce-eager",
        "--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}',
    ]  # fmt: skip
    log = (smollm.parent / "vllm-server.log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except OSError:
                time.sleep(1)
        else:
            pytest.fail(f"the server did not start: {Path(log.name).read_text()[-2000:]}")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(60)
        log.close()


async def test_the_http_backend_with_a_server(server: str) -> None:
    llm = OpenAICompatible.create("smollm", LLMSettings(base_url=server, concurrency=8))
    await llm.start()
    try:
        shared = SharedPrompt([{"role": "system", "content": "You write prompts about animals. " * 60}])
        requests = [make_request(f"Subject: {n} dogs", seed=n, max_tokens=1200, shared=shared) for n in range(8)]
        replies = await asyncio.gather(*map(llm.chat, requests))
        for reply in replies:
            assert reply.mode == "schema" and not reply.estimated
            found = json.loads(reply.text)
            assert set(found) == set(WRITE_SCHEMA["required"])
            assert 4 <= len(found["keywords"]) <= 8
        assert (await llm.chat(requests[0])).cached_tokens > 0
    finally:
        await llm.close()
