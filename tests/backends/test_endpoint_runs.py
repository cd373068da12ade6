"""Whole runs against an endpoint that misbehaves: what is committed, what the same command makes of it later."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from endpoint import Endpoint, completion
from typer.testing import CliRunner

from synth.backends.endpoint import retrying
from synth.cli import app, progress
from synth.cli.summary import print_summary
from synth.config import load_config
from synth.errors import BackendError, RunStopped
from synth.ledger import Ledger
from synth.records import Candidate
from synth.run import look
from synth.run.generate import Summary, Watch, generate, no_watch
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

    async def run(model: Model, name: str = "run", n: int = 20, watch: Watch = no_watch, **settings: Any) -> Summary:
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
        return await generate(config, watch)

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


async def test_a_reply_that_was_cut_off_says_so(start: Any, tmp_path: Path) -> None:
    cut = {
        "choices": [{"finish_reason": "length", "message": {"content": '{"normal": "x", "keywords": ["a fox", "sn'}}]
    }
    await start(Model(**cut), n=1, max_candidates=1)
    [one] = candidates(tmp_path / "run")
    assert (one.state, one.decided_by) == ("failed", "write")
    assert one.reason.startswith("reply cut off at max_tokens=512; raise llm_settings.max_tokens")
    assert one.calls[0].reply.endswith('"sn')


async def test_a_list_of_keywords_that_was_cut_off_is_not_taken_for_whole(start: Any, tmp_path: Path) -> None:
    cut = {"choices": [{"finish_reason": "length", "message": {"content": '["a fox", "deep snow", "soft li'}}]}
    await start(Model(**cut), n=1, max_candidates=1)
    assert "cut off" in candidates(tmp_path / "run")[0].reason


async def test_a_whole_object_with_chatter_behind_it_is_taken(start: Any, tmp_path: Path) -> None:
    whole = json.dumps(
        {"normal": "x", "keywords": ["a fox", "deep snow", "soft light"], "answer": "A fox in the snow."}
    )
    chatty = {"choices": [{"finish_reason": "length", "message": {"content": f"{whole}\n\nI hope this he"}}]}
    assert (await start(Model(**chatty), n=1)).samples == 1


async def test_a_budget_holds_where_the_endpoint_counts_no_tokens(
    start: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = {"llm_settings.price_in": 1000.0, "llm_settings.price_out": 1000.0}
    with pytest.raises(RunStopped, match=r"is used up.*by an estimate"):
        await start(Model(usage=None), **prices, max_cost=5)
    summary = await start(Model(usage=None), "unlimited", n=3)
    assert summary.tally.estimated == summary.tally.calls > 0
    print_summary(summary)
    assert "are estimates (characters / 4)" in capsys.readouterr().out


async def test_show_shows_what_was_sent_to_the_letter(start: Any, endpoint: Endpoint, tmp_path: Path) -> None:
    """To an endpoint that knows neither schemas nor temperatures."""

    class Old(Model):
        async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
            for name in ("response_format", "temperature"):
                if name in body:
                    return web.json_response({"error": f"unknown field {name}"}, status=400)
            return await super().__call__(request, body)

    summary = await start(Old(), n=1, max_candidates=1)
    assert summary.samples == 1
    sent = [body["messages"] for body in endpoint.bodies[-2:]]
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "run"), "0"]).stdout
    ledger = Ledger(tmp_path / "run", read_only=True)
    for call, messages in zip(candidates(tmp_path / "run")[0].calls, sent, strict=True):
        assert look.messages(ledger, call) == messages
        assert "JSON schema" in messages[-1]["content"]
        assert messages[-1]["content"] in shown
    assert "temperature 0.7" in shown
    assert "not sent, because the endpoint refuses it: temperature" in shown
    raw = json.loads(CliRunner().invoke(app, ["show", str(tmp_path / "run"), "0", "--raw"]).stdout)
    first = raw["candidate"]["calls"][0]
    assert sent[0][-1]["content"] == first["message"] + raw["appended"][first["appended"]]


async def test_waiting_is_shown_while_it_lasts_and_counted_in_the_end(
    start: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_LINE", 0.02)
    monkeypatch.setattr(retrying.Backoff, "delay", lambda self, attempt: 0.2)
    limited = Model(lambda message, number: (429, "slow down") if number < 5 else None)
    summary = await start(limited, n=2, watch=progress.Watcher())
    assert re.search(r"\d waiting: rate limited, retrying in 0 s \(\d retries\)", capsys.readouterr().err)
    print_summary(summary)
    printed = capsys.readouterr().out
    assert "5 retries" in printed
    assert "the same plans, but not the same replies" in printed
