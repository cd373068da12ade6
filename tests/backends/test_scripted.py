"""The scripted model: replies that fit their schema and depend on nothing but the request."""

from __future__ import annotations

import json

import pytest
from endpoint import WRITE_SCHEMA, make_request

from synth.backends.llm.base import LLMSettings
from synth.backends.llm.scripted import Scripted
from synth.errors import SynthError
from synth.records import Entry

ANSWER = {"type": "object", "properties": {"answer": {"type": "string", "maxLength": 450}}}
PAIR = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "maxLength": 160},
        "answer": {"type": "string", "maxLength": 450},
    },
}
TURNS = {
    "type": "object",
    "properties": {"turns": {"type": "array", "items": PAIR, "minItems": 2, "maxItems": 4}},
}


async def _reply(**changes):
    return json.loads((await Scripted.create("", LLMSettings()).chat(make_request(**changes))).text)


async def test_same_request_same_reply():
    assert await _reply() == await _reply()
    assert await _reply() != await _reply(seed=8)


async def test_keywords_begin_with_the_plan():
    data = await _reply()
    assert list(data) == ["normal", "keywords"]
    assert data["keywords"][:3] == ["giraffe", "made of knitted wool", "open grassland"]
    assert 4 <= len(data["keywords"]) <= 8
    assert len(set(data["keywords"])) == len(data["keywords"])


@pytest.mark.parametrize("entries", [0, 1, 30])
async def test_limits_hold_for_any_plan(entries):
    plan = {
        f"s{n}": Entry(text=f"quite a long thing number {n} " * 4, facts={"f": f"fact {n}"}) for n in range(entries)
    }
    for seed in range(20):
        data = await _reply(plan=plan, seed=seed)
        assert 4 <= len(data["keywords"]) <= 8
        assert all(0 < len(keyword) <= 90 for keyword in data["keywords"])
        assert 0 < len(data["normal"]) <= 120
        turns = (await _reply(plan=plan, seed=seed, schema=TURNS))["turns"]
        assert 2 <= len(turns) <= 4
        assert all(0 < len(t["question"]) <= 160 and 0 < len(t["answer"]) <= 300 for t in turns)


async def test_answers_mention_the_plan():
    answer = (await _reply(schema=ANSWER))["answer"]
    assert all(word in answer for word in ("giraffe", "made of knitted wool", "open grassland"))
    assert answer.endswith(".")
    assert len(answer) <= 300


async def test_turns_differ_and_start_with_the_planned_question():
    for seed in range(20):
        turns = (await _reply(schema=TURNS, seed=seed, context={"question": "What is odd?"}))["turns"]
        assert turns[0]["question"] == "What is odd?"
        assert len({t["answer"] for t in turns}) == len(turns)


async def test_of_several_pictures_each_later_answer_speaks_of_one():
    pictures = [["red fox", "snow"], ["barn owl", "oak"], ["pike", "lake"]]
    for seed in range(20):
        context = {"question": "What is alike?", "pictures": pictures}
        turns = (await _reply(schema=TURNS, seed=seed, context=context))["turns"]
        said = {
            f"The {place} image shows {name}."
            for place, (name, _) in zip(("first", "second", "third"), pictures, strict=True)
        }
        assert {turn["answer"] for turn in turns[1:]} <= said


async def test_marked():
    assert Scripted.deterministic
    assert Scripted.scripted
    assert WRITE_SCHEMA["required"] == list(await _reply())
    with pytest.raises(SynthError):
        Scripted.create("x", LLMSettings())
