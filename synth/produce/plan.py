"""The plan of a candidate: which keywords, which question, which seed. No model is involved.

`plan(index)` depends on the run's seed, the ability and the index alone. Draws are even: each slot
walks through its bank (or through the part of it that matches what was drawn before), so that 350
animals are all used before one is used twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Template

from synth.abilities import Ability, Slot
from synth.banks import EvenDraw, KeywordBank
from synth.errors import SynthError
from synth.records import Entry
from synth.seeding import derive_seed
from synth.templating import compile_template, environment, render_template


@dataclass(frozen=True, slots=True)
class Plan:
    index: int
    seed: int
    entries: dict[str, Entry]
    question: str


class Planner:
    """Plans candidates 0, 1, 2, ... of one ability in this order; O(1) each, memory O(banks)."""

    def __init__(self, ability: Ability, banks: Mapping[str, KeywordBank], run_seed: int) -> None:
        self._ability = ability
        self._run_seed = run_seed
        self._pools: dict[str, tuple[Entry, ...]] = {}
        self._made: dict[str, tuple[Template, str]] = {}
        env = environment()
        for name, slot in ability.plan.items():
            if slot.bank is not None:
                self._pools[name] = banks[slot.bank].entries
            elif slot.values is not None:
                self._pools[name] = tuple(Entry(text=value) for value in slot.values)
            elif slot.text is not None:
                where = ability.where(f"plan.{name}.text")
                self._made[name] = compile_template(env, slot.text, where), where
        self._draws: dict[tuple[str, ...], EvenDraw] = {}
        questions = [Entry(text=question.text) for question in ability.questions]
        self._questions = EvenDraw(questions, run_seed, ability.name, "question")
        self._next = 0

    def next(self) -> Plan:
        index, self._next = self._next, self._next + 1
        entries: dict[str, Entry] = {}
        for name, slot in self._ability.plan.items():
            if name in self._made:
                entries[name] = Entry(text=render_template(*self._made[name], entries))
            else:
                entries[name] = self._draw(name, slot, entries).next()
        seed = derive_seed(self._run_seed, self._ability.name, index)
        return Plan(index, seed, entries, self._questions.next().text)

    def _draw(self, name: str, slot: Slot, drawn: Mapping[str, Entry]) -> EvenDraw:
        wanted = {fact: _value(drawn, target) for fact, target in slot.match.items()}
        key = (name, *wanted.values())
        if key not in self._draws:
            fitting = [entry for entry in self._pools[name] if _fits(entry, wanted)]
            if not fitting:
                raise SynthError(
                    f"{self._ability.where(f'plan.{name}.match')}: no entry of the bank '{slot.bank}' fits {wanted}.",
                    f"Add entries with these facts to the bank, or relax plan.{name}.match.",
                )
            self._draws[key] = EvenDraw(fitting, self._run_seed, self._ability.name, *key)
        return self._draws[key]


def _value(drawn: Mapping[str, Entry], target: str) -> str:
    slot, _, fact = target.partition(".")
    return drawn[slot].facts.get(fact, "") if fact else drawn[slot].text


def _fits(entry: Entry, wanted: Mapping[str, str]) -> bool:
    for fact, value in wanted.items():
        allowed = entry.facts.get(fact)
        if allowed is not None and value not in [part.strip() for part in allowed.split(",")]:
            return False
    return True
