"""Growing a keyword bank: what is asked, what is taken, when it stops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from synth.backends.llm.base import LLM, ChatReply, ChatRequest, LLMSettings
from synth.banks import parse_bank
from synth.cli import app
from synth.errors import BackendError, SynthError
from synth.produce.keywords import bank_lines, facts_of, grow, header
from synth.run import select

BANK = parse_bank(
    "animal",
    "red fox | is: mammal | look: rust-red fur\nowl | is: bird | look: round eyes\n"
    + "".join(f"beast {word} | is: mammal | look: grey\n" for word in ("one", "two", "three", "four", "five", "six")),
    "animal.txt",
)
PLAIN = parse_bank("camera", "close-up photo\nwide-angle shot\n", "camera.txt")


class Replies(LLM):
    """Answers with the given lists, then with the last one again and again."""

    def __init__(self, *replies: Sequence[Any] | str) -> None:
        self.replies = list(replies)
        self.requests: list[ChatRequest] = []

    @classmethod
    def create(cls, argument: str, settings: LLMSettings) -> LLM:
        raise NotImplementedError

    def identity(self) -> dict[str, Any]:
        return {"name": "replies"}

    async def chat(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return ChatReply(reply if isinstance(reply, str) else json.dumps({"entries": reply}))


def animal(text: str, kind: str = "mammal", look: str = "brown fur") -> dict[str, str]:
    return {"text": text, "is": kind, "look": look}


async def test_new_entries_carry_the_facts_of_the_bank() -> None:
    llm = Replies([animal("badger"), animal("stork", "bird")])
    grown = await grow(llm, "animal", BANK.entries, 2, LLMSettings())
    text = header("animal", "replies", "") + bank_lines(grown.entries)
    assert parse_bank("animal", text, "x").entries == tuple(grown.entries)
    assert [e.text for e in grown.entries] == ["badger", "stork"]
    assert grown.entries[1].facts == {"is": "bird", "look": "brown fur"}
    item = llm.requests[0].schema["properties"]["entries"]["items"]
    assert item["required"] == ["text", "is", "look"]


@pytest.mark.parametrize("again", ["Red Foxes", "the red fox", "owls", "((owl))"])
async def test_what_is_there_is_not_taken_again(again: str) -> None:
    grown = await grow(Replies([animal(again), animal("badger")]), "animal", BANK.entries, 1, LLMSettings())
    assert [e.text for e in grown.entries] == ["badger"]
    assert grown.dropped["there already"] == 1


async def test_entries_that_would_break_the_bank_are_cleaned_or_dropped() -> None:
    llm = Replies(
        [
            animal("# badger |", look="black | and white\nstripes"),
            animal("stork", kind="dinosaur"),
            {"text": "heron"},
            animal("a very long entry that goes on and on and on without end"),
            17,
        ]
    )
    grown = await grow(llm, "animal", BANK.entries, 5, LLMSettings())
    [entry] = parse_bank("animal", bank_lines(grown.entries), "x").entries
    assert entry.text == "badger"
    assert entry.facts["look"] == "black and white stripes"


async def test_it_stops_when_nothing_new_comes() -> None:
    llm = Replies(["dolly zoom"])
    grown = await grow(llm, "camera", PLAIN.entries, 10, LLMSettings())
    assert len(grown.entries) == 1
    assert len(llm.requests) == 5


async def test_bad_replies_cost_a_request_and_nothing_else() -> None:
    llm = Replies("no JSON here", '<think>{"x"</think>["dolly zoom"]')
    grown = await grow(llm, "camera", PLAIN.entries, 1, LLMSettings())
    assert [e.text for e in grown.entries] == ["dolly zoom"]


async def test_later_requests_name_what_came_before() -> None:
    llm = Replies(["dolly zoom"], ["tilt shift"])
    await grow(llm, "camera", PLAIN.entries, 2, LLMSettings())
    assert "dolly zoom" in llm.requests[1].message
    assert "close-up photo" in llm.requests[1].message
    assert llm.requests[0].seed != llm.requests[1].seed


async def test_a_new_bank_needs_to_know_what_it_is_about() -> None:
    with pytest.raises(SynthError):
        await grow(Replies(["golf"]), "sport", (), 1, LLMSettings())
    grown = await grow(Replies(["golf"]), "sport", (), 1, LLMSettings(), about="kinds of sport")
    assert [e.text for e in grown.entries] == ["golf"]


def test_facts_with_few_values_are_choices() -> None:
    by_name = {fact.name: fact for fact in facts_of(BANK.entries)}
    assert by_name["look"].choices == ()
    assert by_name["is"].required


# -- the command ------------------------------------------------------------------------------


def keywords(monkeypatch: pytest.MonkeyPatch, llm: LLM, *arguments: object) -> Result:
    monkeypatch.setattr(select, "make_llm", lambda spec, settings: llm)
    return CliRunner().invoke(app, ["keywords", "--llm", "scripted", *map(str, arguments)])


class Failing(Replies):
    """Answers once, then fails."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(["golf", "chess"])
        self.error = error

    async def chat(self, request: ChatRequest) -> ChatReply:
        if self.requests:
            raise self.error
        return await super().chat(request)


def test_the_scripted_model_is_refused_before_it_is_asked() -> None:
    done = CliRunner().invoke(app, ["keywords", "--llm", "scripted", "--bank", "camera", "--n", "1"])
    assert (done.exit_code, "knows no new camera" in done.stderr) == (2, True)


@pytest.mark.parametrize("error", [BackendError("The endpoint is gone."), KeyboardInterrupt()], ids=repr)
def test_what_was_found_before_a_failure_is_written(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "sport.txt"
    done = keywords(monkeypatch, Failing(error), "--bank", "sport", "--about", "sports", "--n", 9, "--out", out)
    assert done.exit_code != 0
    assert [one.text for one in parse_bank("sport", out.read_text(), "x").entries] == ["golf", "chess"]


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "notes.txt"
    out.write_text("mine\n")
    done = keywords(monkeypatch, Replies(["golf"]), "--bank", "camera", "--n", 1, "--out", out)
    assert (done.exit_code, "is there already" in done.stderr) == (2, True)
    assert out.read_text() == "mine\n"


def test_the_bank_itself_is_added_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = tmp_path / "keyword_banks" / "shot.txt"
    bank.parent.mkdir()
    bank.write_text("close-up photo\n")
    where = ["--plugin-dir", tmp_path, "--out", bank]
    assert keywords(monkeypatch, Replies(["dolly zoom"]), "--bank", "shot", "--n", 1, *where).exit_code == 0
    assert [one.text for one in parse_bank("shot", bank.read_text(), "x").entries] == ["close-up photo", "dolly zoom"]


def test_a_bank_has_a_name_and_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = ["--about", "sports", "--plugin-dir", tmp_path / "mine"]
    done = keywords(monkeypatch, Replies(["golf"]), "--bank", "../../sport", "--n", 1, *where)
    assert (done.exit_code, "--bank ../../sport: this is no name" in done.stderr) == (2, True)
    assert not list(tmp_path.rglob("*.txt"))
