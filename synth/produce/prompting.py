"""From an ability's template, a plan and examples to the exact messages of a request.

A request starts with what all candidates of an example group share (role, requirements, cautions,
examples), so that prefix caches serve it; the candidate's own words come last. Templates are Jinja
in a sandbox; text that came from a model or a bank is only ever a value, never a template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from jinja2 import Template

from synth.abilities import Ability
from synth.backends.llm.base import Message, SharedPrompt
from synth.produce.pool import Demonstration
from synth.records import DialogueKind, Entry, Turn
from synth.templating import Environment, compile_template, environment, render_template

_MAX_KEYWORD = 90


class Prompter:
    """Builds the requests of one ability for one dialogue kind."""

    def __init__(self, ability: Ability, kind: DialogueKind) -> None:
        self.ability = ability
        self.kind = kind
        env = environment()
        self._write = self._compile(env, ability.write.request, "write.request")
        dialogue = ability.dialogue
        source = dialogue.describe if kind == "describe" else dialogue.chat
        self._converse = self._compile(env, source, f"dialogue.{kind}")
        self._rules = [self._compile(env, r.rule, f"restrictions.{n}.rule") for n, r in enumerate(ability.restrictions)]
        self.write_schema = _write_schema(ability)
        self.converse_schema = _converse_schema(ability, kind)
        self._write_system = _system(
            ability.write.role,
            ability.write.requirements,
            ability.write.cautions,
            _shape(self.write_schema),
        )
        self._converse_system = _system(
            dialogue.role, dialogue.requirements, dialogue.cautions, _shape(self.converse_schema)
        )

    def write_request(self, plan: Mapping[str, Entry]) -> str:
        """The candidate's own message of the prompt-writing step."""
        rules = [f"Rule: {render_template(*rule, plan)}" for rule in self._rules]
        return "\n".join([*rules, render_template(*self._write, plan)])

    def converse_request(
        self, plan: Mapping[str, Entry], keywords: Sequence[str], facts: Mapping[str, str], question: str
    ) -> str:
        """The candidate's own message of the dialogue step."""
        asks = self.ability.asks(question)
        values = {**plan, **facts, "keywords": ", ".join(keywords), "question": question, "asks": asks}
        return render_template(*self._converse, values)

    def write_shared(self, examples: Sequence[Demonstration]) -> SharedPrompt:
        messages: list[Message] = [{"role": "system", "content": self._write_system}]
        for example in examples:
            reply = {**example.facts, "keywords": example.keywords}
            messages += _exchange(self.write_request(example.plan), reply)
        return SharedPrompt(messages)

    def converse_shared(self, examples: Sequence[Demonstration]) -> SharedPrompt:
        messages: list[Message] = [{"role": "system", "content": self._converse_system}]
        for example in examples:
            request = self.converse_request(example.plan, example.keywords, example.facts, example.question)
            messages += _exchange(request, _reply_of(example.turns, self.kind))
        return SharedPrompt(messages)

    def own_examples(self) -> list[Demonstration]:
        """The template's examples in the shape of this dialogue kind."""
        found = []
        for number, example in enumerate(self.ability.examples, 1):
            turns: list[Turn] = []
            pairs = [(example.question, example.answer)]
            if self.kind == "chat":
                pairs = [(one.question, one.answer) for one in example.chat]
            for question, answer in pairs:
                turns += [Turn(role="user", text=question), Turn(role="assistant", text=answer)]
            found.append(
                Demonstration(
                    id=self.ability.example_id(number),
                    plan=example.plan,
                    facts=dict(example.facts),
                    keywords=list(example.keywords),
                    question=example.question,
                    turns=turns,
                )
            )
        return found

    def _compile(self, env: Environment, source: str, field: str) -> tuple[Template, str]:
        where = self.ability.where(field)
        return compile_template(env, source, where), where


def _system(role: str, requirements: Sequence[str], cautions: Sequence[str], shape: str) -> str:
    lines = [role.strip(), "", "Requirements:", *(f"- {one}" for one in requirements)]
    lines += ["", "Cautions:", *(f"- {one}" for one in cautions), "", f"Reply with JSON only: {shape}"]
    return "\n".join(lines)


def _exchange(request: str, reply: Mapping[str, Any]) -> list[Message]:
    return [
        {"role": "user", "content": request},
        {"role": "assistant", "content": orjson.dumps(reply).decode()},
    ]


def _reply_of(turns: Sequence[Turn], kind: DialogueKind) -> dict[str, Any]:
    texts = [turn.text.replace("<image>", "").strip() for turn in turns]
    if kind == "describe":
        return {"answer": texts[1]}
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return {"turns": [{"question": question, "answer": answer} for question, answer in pairs]}


def _string(max_length: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": max_length}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _write_schema(ability: Ability) -> dict[str, Any]:
    write = ability.write
    properties: dict[str, Any] = {name: _string(f.max_characters) for name, f in write.facts.items()}
    properties["keywords"] = {
        "type": "array",
        "items": _string(_MAX_KEYWORD),
        "minItems": write.min_keywords,
        "maxItems": write.max_keywords,
    }
    for name, fact in write.facts.items():
        properties[name]["description"] = fact.about
    return _object(properties)


def _converse_schema(ability: Ability, kind: DialogueKind) -> dict[str, Any]:
    limit = ability.dialogue.max_characters
    if kind == "describe":
        return _object({"answer": _string(limit)})
    pair = _object({"question": _string(160), "answer": _string(limit)})
    return _object({"turns": {"type": "array", "items": pair, "minItems": 2, "maxItems": 4}})


def _shape(schema: Mapping[str, Any]) -> str:
    """A schema as an example object, which small models follow better than a schema."""
    parts = []
    for name, value in schema["properties"].items():
        if value["type"] == "string":
            parts.append(f'"{name}": "{value.get("description", "...")}"')
        elif value["items"]["type"] == "string":
            parts.append(f'"{name}": ["...", ...]')
        else:
            parts.append(f'"{name}": [{_shape(value["items"])}, ...]')
    return "{" + ", ".join(parts) + "}"
