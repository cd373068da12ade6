"""The plan of a candidate: which keywords, which question, which seed. No model is involved.

`plan(index)` depends on the run's seed, the ability and the index alone. Draws are even: each slot
walks through its bank (or through the part of it that matches what was drawn before), so that 350
animals are all used before one is used twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synth.abilities import Ability
from synth.banks import EvenDraw, KeywordBank
from synth.errors import SynthError
from synth.records import Entry
from synth.seeding import derive_seed
from synth.template_schema import FEWEST_PICTURES, MOST_PICTURES, FieldPath, PictureSlot, Slot
from synth.templating import (
    Condition,
    Environment,
    compile_condition,
    compile_template,
    environment,
    render_template,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """`entries` belong to the sample; `pictures` are those of each picture, where it has several."""

    index: int
    seed: int
    entries: dict[str, Entry]
    pictures: list[dict[str, Entry]]
    question: str


class Planner:
    """Plans candidates 0, 1, 2, ... of one ability in this order; O(1) each, memory O(banks)."""

    def __init__(self, ability: Ability, banks: Mapping[str, KeywordBank], run_seed: int) -> None:
        self._ability = ability
        self._run_seed = run_seed
        self._env = environment()
        self._sources: dict[str, _Source] = {}
        for path, name, slot in ability.slots():
            pool: tuple[Entry, ...] = ()
            if slot.bank is not None:
                pool = banks[slot.bank].entries
            elif slot.values is not None:
                pool = tuple(Entry(text=value) for value in slot.values)
            self._sources[name] = _Source(ability, path, slot, pool, self._env)
        self._number = None
        if ability.pictures is not None:
            where = ability.where(("pictures", "number"))
            self._number = compile_template(self._env, ability.pictures.number, where)
        self._draws: dict[tuple[str, ...], EvenDraw] = {}
        questions = [Entry(text=question.text) for question in ability.questions]
        self._questions = EvenDraw(questions, run_seed, ability.name, "question")
        self._next = 0

    def next(self) -> Plan:
        """Raises `SynthError`, naming file and field, where the template and the banks do not go together."""
        index, self._next = self._next, self._next + 1
        entries: dict[str, Entry] = {}
        for name in self._ability.plan:
            source = self._sources[name]
            if source.is_wanted(entries):
                entries[name] = source.made(entries) or self._draw(name, source, entries).next()
        pictures: list[dict[str, Entry]] = [{} for _ in range(self._many(entries))]
        for name in self._ability.picture_slots:
            self._draw_for_each(name, entries, pictures)
        seed = derive_seed(self._run_seed, self._ability.name, index)
        question = self._questions.next().text if self._ability.questions else ""
        return Plan(index, seed, entries, pictures, question)

    def problem_of(self, entries: Mapping[str, Entry], pictures: Sequence[Mapping[str, Entry]]) -> str:
        """Why `next` could never make this plan, which somebody wrote by hand; empty if it could. What is drawn is
        free; how many pictures there are, which slots are drawn and the texts made of others are not."""
        many = self._many(entries)
        if many != len(pictures):
            return f"by its plan it has {many} pictures, not {len(pictures)}"
        known: dict[str, Any] = {}
        if problem := self._first_problem(self._ability.plan, entries, known):
            return problem
        for number, own in enumerate(pictures, 1):
            if problem := self._first_problem(self._ability.picture_slots, own, {**known, "number": number}):
                return f"picture {number}: {problem}"
        return ""

    def _first_problem(self, names: Iterable[str], given: Mapping[str, Entry], known: dict[str, Any]) -> str:
        """`known` are the values of the slots above; those of `names` are added."""
        for name in names:
            source = self._sources[name]
            wanted = source.is_wanted(known)
            if wanted != (name in given):
                return f"plan.{name}: by 'when' it is {'drawn' if wanted else 'not drawn'} here"
            if not wanted:
                continue
            made = source.made(known)
            if made is not None and made.text != given[name].text:
                return f"plan.{name}: it is '{given[name]}', but its 'text' gives '{made}'"
            known[name] = given[name]
        return ""

    def _many(self, entries: Mapping[str, Entry]) -> int:
        """How many pictures the sample has whose plan is `entries`; none if it is of the single form."""
        if self._number is None:
            return 0
        where = self._ability.where(("pictures", "number"))
        said = render_template(self._number, where, entries)
        if not said.isdecimal() or not FEWEST_PICTURES <= int(said) <= MOST_PICTURES:
            raise SynthError(
                f"{where}: '{said}' is no whole number from {FEWEST_PICTURES} to {MOST_PICTURES}.",
                "Say how many pictures a sample has, or which slot says it.",
            )
        return int(said)

    def _draw_for_each(self, name: str, entries: Mapping[str, Entry], pictures: list[dict[str, Entry]]) -> None:
        """Give each picture its entry of the slot: all the same one, or all different ones."""
        source = self._sources[name]
        one_for_all = source.is_same(entries)
        drawn: list[Entry] = []
        for number, own in enumerate(pictures, 1):
            known = {**entries, **own}
            values = {**known, "number": number}
            if not source.is_wanted(values):
                continue
            entry = source.made(values)
            if entry is None and one_for_all and drawn:
                entry = drawn[0]
            if entry is None:
                entry = self._different(self._draw(name, source, known), source, drawn)
            own[name] = entry
            drawn.append(entry)

    def _different(self, draw: EvenDraw, source: _Source, drawn: Sequence[Entry]) -> Entry:
        """The next entry that no other picture of the sample has, nor one with the same fact `apart`."""
        for _ in range(2 * len(draw) + 1):
            entry = draw.next()
            if all(source.differs(entry, other) for other in drawn):
                return entry
        raise SynthError(
            f"{source.where()}: there are too few entries for {len(drawn) + 1} different pictures.",
            "Add entries, or relax 'match' or 'apart'.",
        )

    def _draw(self, name: str, source: _Source, drawn: Mapping[str, Entry]) -> EvenDraw:
        slot = source.slot
        # a slot that was not drawn demands nothing
        wanted = {fact: _value(drawn, to) for fact, to in slot.match.items() if to.partition(".")[0] in drawn}
        key = (name, *wanted.values())
        if key not in self._draws:
            fitting = [entry for entry in source.pool if _fits(entry, wanted)]
            if not fitting:
                raise SynthError(
                    f"{source.where('match')}: no entry of the bank '{slot.bank}' fits {wanted}.",
                    f"Add entries with these facts to the bank, or relax the 'match' of '{name}'.",
                )
            self._draws[key] = EvenDraw(fitting, self._run_seed, self._ability.name, *key)
        return self._draws[key]


class _Source:
    """Where the entries of one slot come from, and when."""

    def __init__(
        self, ability: Ability, path: FieldPath, slot: Slot, pool: tuple[Entry, ...], env: Environment
    ) -> None:
        self.slot = slot
        self.pool = pool
        self._ability, self._path = ability, path
        self._text = None if slot.text is None else compile_template(env, slot.text, self.where("text"))
        self._when = None if slot.when is None else compile_condition(env, slot.when, self.where("when"))
        self._same: Condition | None = None
        self._apart: str | None = None
        if isinstance(slot, PictureSlot):
            self._apart = slot.apart
            self._same = None if slot.same is None else compile_condition(env, slot.same, self.where("same"))

    def where(self, *field: str) -> str:
        """File, line and field, to begin an error with."""
        return self._ability.where((*self._path, *field))

    def is_wanted(self, values: Mapping[str, Any]) -> bool:
        return self._when is None or self._when(values)

    def is_same(self, values: Mapping[str, Any]) -> bool:
        return self._same is not None and self._same(values)

    def made(self, values: Mapping[str, Any]) -> Entry | None:
        """The entry of a slot that is a text made of others, or None if it is drawn."""
        if self._text is None:
            return None
        return Entry(text=render_template(self._text, self.where("text"), values))

    def differs(self, one: Entry, other: Entry) -> bool:
        if one.text == other.text:
            return False
        if self._apart is None or self._apart not in one.facts:
            return True
        return one.facts[self._apart] != other.facts.get(self._apart)


def _value(drawn: Mapping[str, Entry], target: str) -> str:
    slot, _, fact = target.partition(".")
    return drawn[slot].facts.get(fact, "") if fact else drawn[slot].text


def _fits(entry: Entry, wanted: Mapping[str, str]) -> bool:
    for fact, value in wanted.items():
        allowed = entry.facts.get(fact)
        if allowed is not None and value not in [part.strip() for part in allowed.split(",")]:
            return False
    return True
