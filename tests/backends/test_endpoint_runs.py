"""Whole runs against an endpoint that misbehaves: what is committed, what the same command makes of it later."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from endpoint import Endpoint, completion

from synth.config import load_config
from synth.errors import BackendError
from synth.ledger import Ledger
from synth.records import Candidate
from synth.run.generate import Summary, generate
from tests.doubles import plugin_dir


class Model:
    """Replies are a function of the request, as those of a server with a fixed seed.

    `refuse(message, number)` may return an answer of its own for the number-th request.
    """

    def __init__(self, refuse: Any = lambda message, number: None, **changes: Any) -> None:
        self._refuse = refuse
        self._changes = changes
        self._number = -1

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        self._number += 1
        message = body["messages"][-1]["content"]
        refusal = self._refuse(message, self._number)
        if refusal is not None:
            status, said = refusal
            return web.json_response({"error": {"message": said}}, status=status)
        word = hashlib.blake2b(f"{message}{body['seed']}".encode(), digest_size=4).hexdigest()
        replies = {
            "write": {"normal": f"Usually {word}.", "keywords": [f"fox {word}", "snow", f"light {word}"]},
            "converse": {"answer": f"The fox {word} stands in the snow."},
        }
        step = "write" if "Oddity:" in message or "You write prompts" in body["messages"][0]["content"] else "converse"
        return web.json_response({**completion(json.dumps(replies[step])), **self._changes})


@pytest.fixture
def start(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    plugins = plugin_dir(tmp_path / "plugins")

    async def run(model: Model, name: str = "run", n: int = 20, **settings: Any) -> Summary:
        endpoint.script = [model]
        defaults = {"llm_settings.base_url": endpoint.url, "llm_settings.concurrency": 4, "llm_settings.retries": 0}
        config = load_config(
            None,
            {
                "abilities": {"tiny": n},
                "out": tmp_path / name,
                "plugin_dirs": [plugins],
                "llm": "openai:some/model",
                "renderer": "none",
                **defaults,
                **settings,
            },
        )
        return await generate(config)

    return run


def candidates(folder: Path) -> list[Candidate]:
    return list(Ledger(folder, read_only=True).candidates("tiny"))


def text_of(folder: Path) -> bytes:
    return (folder / "dataset.jsonl").read_bytes()


async def test_an_endpoint_that_refuses_all_from_the_start_stops_at_once(
    start: Any, endpoint: Endpoint, tmp_path: Path
) -> None:
    broken = Model(lambda message, number: (400, "top_k must be an integer"))
    with pytest.raises(BackendError, match="top_k must be an integer") as caught:
        await start(broken)
    assert caught.value.exit_code == 4
    assert len(endpoint.bodies) <= 5
    assert candidates(tmp_path / "run") == []
    await start(Model(), "whole")
    await start(Model())
    assert text_of(tmp_path / "run") == text_of(tmp_path / "whole")


@pytest.mark.parametrize("status", [400, 500, 503])
@pytest.mark.parametrize("after", [1, 9, 26])
async def test_what_fails_with_the_endpoint_is_made_again(start: Any, tmp_path: Path, after: int, status: int) -> None:
    await start(Model(), "whole")
    broken = Model(lambda message, number: (status, "the model was unloaded") if number >= after else None)
    with pytest.raises(BackendError, match="the model was unloaded"):
        await start(broken)
    assert {one.state for one in candidates(tmp_path / "run")} <= {"text_ok"}
    await start(Model())
    assert text_of(tmp_path / "run") == text_of(tmp_path / "whole")
    assert {one.state for one in candidates(tmp_path / "run")} == {"text_ok"}


async def test_a_prompt_that_is_refused_costs_its_candidate_alone(start: Any, tmp_path: Path) -> None:
    def dislikes(message: str, number: int) -> tuple[int, str] | None:
        return (400, "flagged by the content filter") if "teapot" in message else None

    summary = await start(Model(dislikes))
    found = candidates(tmp_path / "run")
    assert summary.samples == 20
    failed = [one for one in found if one.state == "failed"]
    assert failed and all(one.plan["subject"].text == "teapot" for one in failed)
    assert all("flagged by the content filter" in one.reason for one in failed)
    assert all(one.plan["subject"].text != "teapot" for one in found if one.state == "text_ok")


async def test_replies_that_cannot_be_used_are_paid_for(start: Any, tmp_path: Path) -> None:
    withheld = {"choices": [{"finish_reason": "content_filter", "message": {"content": None}}]}
    summary = await start(Model(**withheld), n=2, max_candidates=2, **{"flow.attempts": 2})
    assert summary.samples == 0
    assert summary.tally.prompt_tokens == 2 * 2 * 50
    assert Ledger(tmp_path / "run", read_only=True).tokens() == (200, 36)
