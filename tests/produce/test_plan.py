"""Plans are a function of seed, ability and index, and cover the banks evenly."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from synth.abilities import parse_ability
from synth.errors import SynthError
from synth.produce.plan import Plan, Planner
from tests.doubles import ability, banks, interleaved, multi, multi_template


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


# -- several pictures -------------------------------------------------------------------------


def several(count: int, seed: int = 3, name: str = "pair", **slots: object) -> list[Plan]:
    """Plans of the small multi ability; `slots` replace those of its pictures."""
    made = multi(name) if not slots else multi(name, **with_slots(slots))
    planner = Planner(made, banks(), seed)
    return [planner.next() for _ in range(count)]


def with_slots(slots: dict[str, Any]) -> dict[str, Any]:
    """The fields of a template whose pictures have these slots, and examples that fit."""
    own = {name: "x" for name, slot in slots.items() if "when" not in slot}
    examples = [
        {**example, "pictures": [{**one, "plan": own} for one in example["pictures"]]}
        for example in multi_template()["examples"]
    ]
    return {"pictures": {"number": 3, "plan": slots}, "examples": examples, "restrictions": []}


def texts(plan: Plan, slot: str) -> list[str]:
    return [own[slot].text for own in plan.pictures]


def test_plans_of_several_pictures_depend_on_seed_ability_and_index_alone() -> None:
    assert several(40) == several(40)
    assert several(10) == several(40)[:10]
    assert [p.pictures for p in several(12)] != [p.pictures for p in several(12, seed=4)]
    assert [p.pictures for p in several(12)] != [p.pictures for p in several(12, name="other")]


def test_pictures_share_an_entry_or_have_different_ones() -> None:
    for plan in several(40):
        shared = plan.entries["relation"] == "one place"
        assert len(plan.pictures) == (3 if shared else 2)
        assert len(set(texts(plan, "object"))) == len(plan.pictures)
        assert len(set(texts(plan, "where"))) == (1 if shared else len(plan.pictures))
        assert set(plan.pictures[0]) == {"object", "where"}
        assert set(plan.entries) == {"relation", "camera"}


def test_entries_of_pictures_come_evenly() -> None:
    counts = Counter(text for plan in several(60) for text in texts(plan, "object"))
    assert len(counts) == 6
    assert max(counts.values()) - min(counts.values()) <= 0.2 * max(counts.values())


def test_pictures_differ_in_the_fact_that_is_to_keep_them_apart() -> None:
    colors = "red | family: warm\norange | family: warm\nblue | family: cold\ngreen | family: cold\nblack\nwhite\n"
    slots = {"object": {"bank": "thing"}, "paint": {"bank": "odd", "apart": "family"}}
    planner = Planner(multi(**with_slots(slots)), banks(odd=colors), 3)
    for _ in range(40):
        families = [own["paint"].facts.get("family", own["paint"].text) for own in planner.next().pictures]
        assert len(set(families)) == 3


def test_slots_of_pictures_match_what_was_drawn_before() -> None:
    slots = {"object": {"bank": "thing"}, "oddity": {"bank": "odd", "match": {"for": "object.is"}}}
    for plan in several(40, **slots):
        for own in plan.pictures:
            allowed = own["oddity"].facts.get("for")
            assert allowed is None or own["object"].facts["is"] in allowed


def test_slots_are_drawn_where_their_condition_holds() -> None:
    slots = {
        "object": {"bank": "thing"},
        "oddity": {"bank": "odd", "when": "number > 1 and object.is == 'animal'"},
        "shown": {"text": "{{ object }}{% if oddity is defined %} {{ oddity }}{% endif %} {{ number }}"},
    }
    seen = set()
    for plan in several(30, **slots):
        for number, own in enumerate(plan.pictures, 1):
            wanted = number > 1 and own["object"].facts["is"] == "animal"
            assert ("oddity" in own) == wanted
            odd = f" {own['oddity']}" if wanted else ""
            assert own["shown"].text == f"{own['object']}{odd} {number}"
            seen.add(wanted)
    assert seen == {True, False}


def test_what_was_not_drawn_demands_nothing_of_what_matches_it() -> None:
    slots = {
        "object": {"bank": "thing", "when": "number > 1"},
        "oddity": {"bank": "odd", "match": {"for": "object.is"}},
    }
    assert any(plan.pictures[0]["oddity"] == "made of glass" for plan in several(20, **slots))


def test_the_number_of_pictures_may_be_a_fact() -> None:
    planner = Planner(interleaved(), banks(), 3)
    for _ in range(9):
        plan = planner.next()
        assert len(plan.pictures) == int(plan.entries["task"].facts["steps"])
        assert "state" not in plan.pictures[0]
        assert texts(plan, "view")[0] == plan.entries["task"].facts["first"]


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ({"number": 1}, "pictures.number: '1' is no whole number from 2 to 8"),
        ({"number": 9}, "pictures.number: '9' is no whole number from 2 to 8"),
        ({"number": "many"}, "pictures.number: 'many' is no whole number from 2 to 8"),
        ({"number": "{{ relation }}"}, "pictures.number: 'one place' is no whole number"),
        ({"number": "{{ amount }}"}, "pictures.number: 'amount' is undefined"),
        ({"number": 4, "plan": {"x": {"values": ["a", "b", "c"]}}}, "plan.x: there are too few entries for 4"),
        ({"plan": {"x": {"bank": "thing", "apart": "is"}}}, "plan.x: there are too few entries for 3"),
        ({"plan": {"x": {"bank": "thing", "match": {"is": "relation"}}}}, "plan.x.match: no entry of the bank"),
        ({"plan": {"x": {"bank": "thing", "when": "amount > 1"}}}, "pictures.plan.x.when: 'amount' is undefined"),
        ({"plan": {"x": {"bank": "thing", "same": "number > 1"}}}, "pictures.plan.x.same: 'number' is undefined"),
        ({"plan": {"x": {"text": "{{ y }}"}}}, "pictures.plan.x.text: 'y' is undefined"),
    ],
)  # fmt: skip
def test_plans_that_cannot_be_made_name_file_line_and_field(pictures: dict[str, Any], message: str) -> None:
    fields = {"number": 3, "plan": {"x": {"bank": "thing"}}, **pictures}
    text = json.dumps({**multi_template(), **with_slots(fields["plan"]), "pictures": fields}, indent=1)
    named = text.replace('"object"', '"x"')
    with pytest.raises(SynthError) as error:
        planner = Planner(parse_ability(named, "pair.yaml"), banks(), 3)
        for _ in range(4):
            planner.next()
    assert error.value.fix
    name = message.partition(":")[0].rpartition(".")[2]
    line = next(n for n, one in enumerate(named.splitlines(), 1) if f'"{name}": ' in one and '"x": "x"' not in one)
    assert f"pair.yaml, line {line}: " in error.value.message
    assert message in error.value.message


@pytest.mark.parametrize(
    ("pictures", "field"),
    [
        ({"number": "{{ 3"}, "pictures.number"),
        ({"plan": {"object": {"bank": "thing", "when": "a ="}}}, "pictures.plan.object.when"),
        ({"plan": {"object": {"bank": "thing", "same": "a b"}}}, "pictures.plan.object.same"),
        ({"plan": {"object": {"text": "{{ a"}}}, "pictures.plan.object.text"),
    ],
)
def test_bad_syntax_names_its_field_before_anything_is_drawn(pictures: dict[str, Any], field: str) -> None:
    fields = {**with_slots({"object": {"bank": "thing"}}), "pictures": {"number": 3, **pictures}}
    fields["pictures"].setdefault("plan", {"object": {"bank": "thing"}})
    with pytest.raises(SynthError, match=rf"pair\.yaml, line 1: {field}: "):
        Planner(multi(**fields), banks(), 3)
