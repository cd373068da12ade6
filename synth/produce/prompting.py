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
from synth.produce.dialogue import turns_of
from synth.produce.pool import Demonstration
from synth.produce.reply_schema import PAIR, converse_schema, shape, write_schema
from synth.records import DialogueKind, Entry, without_placeholders
from synth.template_schema import FEWEST_PICTURES, FieldPath
from synth.templating import Environment, Named, compile_template, environment, render_template


class Prompter:
    """Builds the requests of one ability for one dialogue kind."""

    def __init__(self, ability: Ability, wanted: DialogueKind) -> None:
        """`wanted` is the kind that the run asks for; an ability may know only the other."""
        self.ability = ability
        self.kind = ability.kind(wanted)
        env = environment()
        self._write = self._compile(env, ability.write.request, ("write", "request"))
        dialogue = ability.dialogue
        source = dialogue.describe if self.kind == "describe" else dialogue.chat
        assert source is not None  # the ability was checked for it
        self._converse = self._compile(env, source, ("dialogue", self.kind))
        self._rules = [self._compile(env, one.rule, (*path, "rule")) for path, one in ability.rules()]
        self._write_schemas: dict[int, Mapping[str, Any]] = {}
        self._converse_schemas: dict[int, Mapping[str, Any]] = {}
        self._write_system = _system(
            ability.write.role,
            ability.write.requirements,
            ability.write.cautions,
            shape(self.write_schema(FEWEST_PICTURES)),
        )
        self._converse_system = _system(
            dialogue.role, dialogue.requirements, dialogue.cautions, shape(self.converse_schema(FEWEST_PICTURES))
        )

    def write_schema(self, pictures: int) -> Mapping[str, Any]:
        """The shape of a reply of the writing step for a sample with so many pictures; one object for all of them,
        because backends compile schemas."""
        if pictures not in self._write_schemas:
            self._write_schemas[pictures] = write_schema(self.ability, pictures)
        return self._write_schemas[pictures]

    def converse_schema(self, pictures: int) -> Mapping[str, Any]:
        """The same for the dialogue step."""
        if pictures not in self._converse_schemas:
            self._converse_schemas[pictures] = converse_schema(self.ability, self.kind, pictures)
        return self._converse_schemas[pictures]

    def write_request(self, plan: Mapping[str, Entry], picture_plans: Sequence[Mapping[str, Entry]] = ()) -> str:
        """The candidate's own message of the prompt-writing step."""
        values: dict[str, Any] = {**plan}
        if picture_plans:
            values["pictures"] = [Named(own) for own in picture_plans]
        rules = [f"Rule: {render_template(*rule, values)}" for rule in self._rules]
        return "\n".join([*rules, render_template(*self._write, values)])

    def converse_request(self, told: Demonstration) -> str:
        """The candidate's own message of the dialogue step."""
        values: dict[str, Any] = {**told.plan, **told.facts, "question": told.question}
        values["asks"] = self.ability.asks(told.question)
        values["keywords"] = ", ".join(keyword for own in told.keywords for keyword in own)
        if told.picture_plans:
            values["pictures"] = [
                Named(own, keywords=", ".join(keywords))
                for own, keywords in zip(told.picture_plans, told.keywords, strict=True)
            ]
        return render_template(*self._converse, values)

    def write_shared(self, examples: Sequence[Demonstration]) -> SharedPrompt:
        messages: list[Message] = [{"role": "system", "content": self._write_system}]
        for example in examples:
            shown = {"pictures": example.keywords} if example.picture_plans else {"keywords": example.keywords[0]}
            request = self.write_request(example.plan, example.picture_plans)
            messages += _exchange(request, {**example.facts, **shown})
        return SharedPrompt(messages)

    def converse_shared(self, examples: Sequence[Demonstration]) -> SharedPrompt:
        messages: list[Message] = [{"role": "system", "content": self._converse_system}]
        for example in examples:
            messages += _exchange(self.converse_request(example), self._reply_of(example))
        return SharedPrompt(messages)

    def own_examples(self) -> list[Demonstration]:
        """The template's examples in the shape of this dialogue kind."""
        return [self.own_example(number) for number in range(len(self.ability.examples))]

    def own_example(self, number: int) -> Demonstration:
        """The template's example of that number, from 0."""
        example = self.ability.examples[number]
        question, answer = example.pool_pair
        pairs = (
            [(question, answer)] if self.kind == "describe" else [(one.question, one.answer) for one in example.chat]
        )
        return Demonstration(
            id=self.ability.example_id(number + 1),
            plan=example.plan,
            picture_plans=example.picture_plans,
            facts=dict(example.facts),
            keywords=example.keyword_lists,
            question=question,
            turns=turns_of(pairs, len(example.keyword_lists), self.ability.form),
        )

    def _reply_of(self, example: Demonstration) -> dict[str, Any]:
        """What the model should have replied to make this dialogue."""
        texts = [without_placeholders(turn.text) for turn in example.turns]
        if self.ability.form == "interleaved":  # one picture in each turn of the user
            texts[::2] = [f"《{self._shown(example, number)}》 {text}" for number, text in enumerate(texts[::2])]
        if self.kind == "describe":
            return {"answer": texts[1]}
        asks, answers = PAIR[self.ability.form]
        pairs = zip(texts[::2], texts[1::2], strict=True)
        return {"turns": [{asks: question, answers: answer} for question, answer in pairs]}

    def _shown(self, example: Demonstration, number: int) -> str:
        """What is said of a picture where it arrives: the first leading slot that it has, or its first keyword."""
        plan = {**example.plan, **example.picture_plans[number]}
        return next((plan[slot].text for slot in self.ability.prompt.lead if slot in plan), example.keywords[number][0])

    def _compile(self, env: Environment, source: str, field: FieldPath) -> tuple[Template, str]:
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
