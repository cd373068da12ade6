"""Plans are a function of seed, ability and index, and cover the banks evenly."""

from __future__ import annotations

from collections import Counter

import pytest

from synth.errors import SynthError
from synth.produce.plan import Plan, Planner
from tests.doubles import ability, banks


def plans(count: int, seed: int = 3, **changes: object) -> list[Plan]:
    planner = Planner(ability(**changes), banks(), seed)
    return [planner.next() for _ in range(count)]


def test_plans_depend_on_seed_ability_and_index_alone() -> None:
    assert plans(40) == plans(40)
    assert plans(10) == plans(40)[:10]
    assert [p.index for p in plans(5)] == [0, 1, 2, 3, 4]
    assert [p.entries for p in plans(12)] != [p.entries for p in plans(12, seed=4)]
    assert [p.seed for p in plans(12)] != [p.seed for p in plans(12, name="other")]
    assert len({p.seed for p in plans(40)}) == 40


def test_every_entry_comes_once_per_pass_in_an_order_of_its_own() -> None:
    subjects = [p.entries["subject"].text for p in plans(18)]
    passes = [subjects[at : at + 6] for at in (0, 6, 12)]
    assert all(len(set(one)) == 6 for one in passes)
    assert len({tuple(one) for one in passes}) > 1
    questions = [p.question for p in plans(60)]
    assert len(set(questions[:30])) == len(set(questions[30:])) == 30


def test_matching_slots_are_respected_and_even_within_their_group() -> None:
    made = plans(48)
    fitting = {
        "animal": {"made of glass", "wearing a hat", "reading a book", "floating in the air"},
        "thing": {"made of glass", "melting like wax", "floating in the air"},
    }
    for kind, allowed in fitting.items():
        drawn = [p.entries["oddity"].text for p in made if p.entries["subject"].facts["is"] == kind]
        assert len(drawn) == 24
        assert set(drawn) == allowed
        for at in range(0, 24 - len(allowed) + 1, len(allowed)):
            assert set(drawn[at : at + len(allowed)]) == allowed
        assert max(Counter(drawn).values()) - min(Counter(drawn).values()) <= 1


def test_no_fitting_entry_names_file_slot_and_what_was_wanted() -> None:
    planner = Planner(ability(), banks(odd="wearing a hat | for: animal\n"), 0)
    with pytest.raises(SynthError) as error:
        for _ in range(6):
            planner.next()
    assert "tiny.yaml, line 1: plan.oddity.match: " in error.value.message
    assert "{'for': 'thing'}" in error.value.message


def test_text_slots_are_made_of_slots_before_them() -> None:
    slots = {
        "subject": {"bank": "thing"},
        "oddity": {"bank": "odd"},
        "where": {"text": "{{ subject.place }} with {{ oddity }}"},
        "camera": {"values": ["photo"]},
    }
    examples = ability().model_dump()["examples"]
    for example in examples:
        example["plan"]["where"] = {"text": "x"}
    for plan in plans(8, plan=slots, examples=examples):
        entries = plan.entries
        assert entries["where"].text == f"{entries['subject'].facts['place']} with {entries['oddity']}"
