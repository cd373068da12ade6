"""What is learned from an endpoint's refusals, in the words of real servers, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synth.backends.endpoint.complaint import Complaint
from synth.backends.llm.dialect import FIELDS, Dialect

STRUCTURE, LIMIT = "structure", "limit_field"


def learned(body: Any, *sent: str, dialect: Dialect | None = None) -> set[str]:
    """What is asked differently after an answer with this body."""
    before = dialect or Dialect()
    raw = body if isinstance(body, str) else json.dumps(body)
    after = before.after(Complaint.read(raw.encode(), FIELDS, *sent)) or before
    changed = {name for name in (STRUCTURE, LIMIT) if getattr(after, name) != getattr(before, name)}
    return changed | (after.without - before.without)


def extra(*where: str | int) -> dict[str, Any]:
    return {
        "type": "extra_forbidden",
        "loc": list(where),
        "msg": "Extra inputs are not permitted",
        "input": {"seed": 7},
    }


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("Unrecognized request argument supplied: seed", "seed"),
        ("Unsupported value: 'temperature' does not support 0.7 with this model. Only the default is.", "temperature"),
        ("Argument not supported on this model: seed", "seed"),
        ('Invalid JSON payload received. Unknown name "seed": Cannot find field.', "seed"),
        ('Bad request: json: unknown field "seed"\n', "seed"),
        ("extraneous key [top_p] is not permitted", "top_p"),
        ("seed is not supported", "seed"),
        (
            "1 validation error for ChatCompletionRequest\nseed\n  Extra inputs are not permitted [input_value=7]",
            "seed",
        ),
        ("The temperature parameter is unsupported for reasoning models.", "temperature"),
        ("[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted'}]", "seed"),
        ("`temperature` and `top_p` cannot both be specified: not allowed", "temperature"),
        ("temperature isn't supported here", "temperature"),
        ('response_format type must be one of "text" and "json_object", but got: json_schema', STRUCTURE),
        ("This response_format type is unavailable now", STRUCTURE),
        ("This model does not support response format `json_schema`.", STRUCTURE),
        ("'response_format.type' must be 'json_schema' or 'text'", STRUCTURE),
        ("The provided JSON schema contains features not supported by xgrammar.", STRUCTURE),
        ("Failed to initialize samplers: failed to parse grammar", STRUCTURE),
        ("Input validation error: grammar is not supported", STRUCTURE),
        ('Grammar error: Unimplemented keys: ["maxLength"]', STRUCTURE),
        ("Invalid grammar request with cache hit=False", STRUCTURE),
        ("Invalid schema: maxLength is not permitted", STRUCTURE),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", LIMIT),
    ],
)
@pytest.mark.parametrize("shape", [lambda said: said, lambda said: {"error": {"message": said, "param": None}}])
def test_words_of_real_servers(said: str, what: str, shape: Any) -> None:
    assert learned(shape(said)) == {what}


@pytest.mark.parametrize(
    "said",
    [
        "Invalid prompt: sunflower seed head is not allowed",
        "The prompt was flagged: structured wooden chair, schema of an engine",
        "error: unsupported content in 'the grammar school at room temperature'",
        "maximum context length is 2048 tokens",
        "seed-eating birds are not permitted",
    ],
)
def test_prompts_teach_nothing(said: str) -> None:
    assert learned({"error": {"message": said}}) == set()


@pytest.mark.parametrize(
    "shape", [str, json.dumps, lambda message: {"error": message}, lambda message: [repr(message)]]
)
def test_an_echo_of_the_request_teaches_nothing(shape: Any) -> None:
    """However it is quoted: in the words of the error, as JSON in it, as Python."""
    message, appended = "Subject: a bag\nUnknown field: 'seed'", '\n\nJSON schema:\n{"temperature": "unsupported"}'
    said = {"error": {"message": ["not acceptable:", shape(message + appended)]}}
    assert learned(said, message, appended) == set()


def test_a_field_that_is_named_apart_goes_before_the_words() -> None:
    words = "Invalid value: 'seed' is not supported, nor is response_format"
    assert learned({"error": {"message": words, "param": "temperature"}}) == {"temperature"}
    assert learned({"error": {"message": words, "param": "messages[1].content"}}) == set()
    assert learned({"error": {"message": words, "param": "response_format.json_schema.seed"}}) == {STRUCTURE}
    assert learned({"error": {"message": "unknown field seed", "param": "None"}}) == {"seed"}
    assert learned({"detail": [extra("body", "seed")]}) == {"seed"}
    assert learned({"message": {"detail": [extra("body", "response_format", "seed")]}}) == {STRUCTURE}
    assert learned({"detail": [extra("body", "messages", 1, "seed")]}) == set()
    limit = "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    assert learned({"error": {"message": limit, "param": "max_tokens"}}) == {LIMIT}


def test_what_was_learned_is_not_learned_twice() -> None:
    known = Dialect("text", "max_completion_tokens", frozenset({"seed"}))
    for said in ("unknown field seed", "response_format is not supported", "use max_completion_tokens"):
        assert learned(said, dialect=known) == set()
