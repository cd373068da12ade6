"""The shapes of the model's replies, as JSON schemas, and as the example object that small models follow better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synth.abilities import Ability
from synth.records import DialogueKind, Form
from synth.template_schema import MOST_PAIRS

_MAX_KEYWORD = 90
_MAX_QUESTION = 160
#: what the user says when a picture arrives says also what it shows
_MAX_MESSAGE = 320
#: the two texts of a pair in a reply: what the user says and what is answered
PAIR: Mapping[Form, tuple[str, str]] = {
    "single": ("question", "answer"),
    "multi": ("question", "answer"),
    "interleaved": ("user", "assistant"),
}


def write_schema(ability: Ability, pictures: int) -> dict[str, Any]:
    """Written facts, then the keywords of the picture, or of each of the `pictures` of a form of several."""
    write = ability.write
    properties: dict[str, Any] = {name: _string(f.max_characters) for name, f in write.facts.items()}
    keywords = _list(_string(_MAX_KEYWORD), write.min_keywords, write.max_keywords)
    if ability.form == "single":
        properties["keywords"] = keywords
    else:
        properties["pictures"] = _list(keywords, pictures, pictures)
    for name, fact in write.facts.items():
        properties[name]["description"] = fact.about
    return _object(properties)


def converse_schema(ability: Ability, kind: DialogueKind, pictures: int) -> dict[str, Any]:
    """One answer (`describe`), 2 to 4 pairs (`chat`), or a pair for each of the `pictures` (interleaved)."""
    limit = ability.dialogue.max_characters
    if kind == "describe":
        return _object({"answer": _string(limit)})
    asks, answers = PAIR[ability.form]
    if ability.form == "interleaved":
        return _object(
            {"turns": _list(_object({asks: _string(_MAX_MESSAGE), answers: _string(limit)}), *[pictures] * 2)}
        )
    return _object({"turns": _list(_object({asks: _string(_MAX_QUESTION), answers: _string(limit)}), 2, MOST_PAIRS)})


def shape(schema: Mapping[str, Any]) -> str:
    """A schema as an example object."""
    if schema["type"] == "string":
        return f'"{schema.get("description", "...")}"'
    if schema["type"] == "array":
        return f"[{shape(schema['items'])}, ...]"
    return "{" + ", ".join(f'"{name}": {shape(value)}' for name, value in schema["properties"].items()) + "}"


def _string(max_length: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": max_length}


def _list(items: dict[str, Any], least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
