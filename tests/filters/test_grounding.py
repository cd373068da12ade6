"""Replies must speak of what was planned."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synth import plugins
from synth.errors import SynthError
from synth.filtering import build_chain
from synth.records import Candidate, Entry
from tests.doubles import ability, banks, candidate, template
from tests.filters.judging import chain, verdict


def with_fact(**fact: Any) -> dict[str, Any]:
    return {"write": {**template()["write"], "facts": {"normal": {"about": "x", **fact}}}}


@pytest.mark.parametrize(
    ("fact", "text", "reason"),
    [
        ({"uses": ["subject"]}, "Foxes have fur.", ""),
        ({"uses": ["subject"]}, "It has fur.", "does not speak of the subject 'red fox'"),
        ({"avoids": ["oddity"]}, "A fox has fur.", ""),
        ({"avoids": ["oddity"]}, "A fox is made of glass.", "repeats the oddity"),
    ],
)
def test_written_facts_use_and_avoid(fact: dict[str, Any], text: str, reason: str) -> None:
    found = verdict(chain("grounding", **with_fact(**fact)), candidate(facts={"normal": text}), "prompt")
    assert (found.outcome == "fail") == bool(reason), found.reason
    assert reason in found.reason


def says(answer: str, options: dict[str, Any]) -> str:
    found = verdict(chain("grounding", options), candidate(answers=[answer]), "dialogue")
    return found.reason if found.outcome == "fail" else ""


def test_the_answer_must_name_its_sources() -> None:
    options = {"answer": {"subject": 0.5, "subject.place": 0.5}}
    assert not says("A fox stands in a forest.", options)
    assert "subject 'red fox'" in says("It stands in a snowy forest.", options)
    assert "subject place 'a snowy forest'" in says("A fox is here.", options)
    assert says("A fox stands in a forest.", {"answer": {"subject": 1.0}})


def test_one_of_several_sources_is_enough() -> None:
    options = {"answer_either": {"oddity": 1.0, "normal": 0.5}}
    assert not says("It is made of glass.", options)
    assert not says("It usually has fur.", options)
    assert "none of: oddity, normal" in says("It is here.", options)


def test_the_answer_must_speak_of_what_the_question_asks_for() -> None:
    pool = {"subject": [f"q{n}?" for n in range(30)], "subject.place, oddity": ["What is odd here?"]}
    checks = chain("grounding", {"asked": 0.5}, questions=pool)

    def reason(answer: str, **fields: Any) -> str:
        found = verdict(checks, candidate(answers=[answer], **fields), "dialogue")
        return found.reason if found.outcome == "fail" else ""

    assert not reason("A fox made of glass stands in a snowy forest.")
    assert "subject place 'a snowy forest', which is asked for" in reason("A fox made of glass.")
    assert "oddity 'made of glass', which is asked for" in reason("A fox in a snowy forest.")
    known = {**candidate().plan, "oddity": Entry(text="copper", facts={"look": "a new copper pan"})}
    looks = chain(
        "grounding", {"asked": 0.5}, questions={"subject": pool["subject"], "oddity.look": ["What is odd here?"]}
    )
    for answer, outcome in (("The fox is copper.", "fail"), ("The fox looks like a copper pan.", "pass")):
        assert verdict(looks, candidate(answers=[answer], plan=known), "dialogue").outcome == outcome
    # in a chat the model asks its own questions
    two = {"questions": ["What is odd here?", "What is it?"], "stage": 2}
    assert not verdict(checks, candidate(answers=["A fox made of glass."] * 2, **two), "dialogue").reason


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("The fox has a hundred feet, while a normal fox has a bushy tail and small wings to fly.", True),
        ("A normal fox has a bushy tail.", False),
        ("Normal foxes do not have wings.", False),
        ("The fox has wings. In reality only birds have wings.", False),
        ("A normal fox casts a shadow.", False),
    ],
)
def test_what_is_peculiar_is_not_said_of_a_normal_one(answer: str, wrong: bool) -> None:
    facts = {"why": "only birds have wings and shadows", "true": "casts a shadow"}
    plan = {"subject": "red fox", "oddity": Entry(text="with wings and a shadow", facts=facts), "camera": "photo"}
    checks = chain("grounding", {"peculiar": {"oddity": "oddity.why"}})
    found = verdict(checks, candidate(answers=[answer], plan=plan), "dialogue")
    assert (found.outcome == "fail") == wrong, found.reason
    assert not wrong or "says it of a normal one" in found.reason


@pytest.mark.parametrize(
    ("answer", "joined"),
    [
        ("The red fox is in a snowy forest with a glass tail.", True),
        ("The red fox made of glass is in a snowy forest with tall trees.", False),
        ("A snowy forest surrounds the fox with glass fur.", False),
    ],
)
def test_what_belongs_to_the_subject_is_not_given_to_the_place(answer: str, joined: bool) -> None:
    reason = says(answer, {"apart": {"subject.place": ["oddity"]}})
    assert bool(reason) == joined
    assert not joined or "gives the oddity 'made of glass' to the subject place" in reason


@pytest.mark.parametrize(
    ("answer", "denied"),
    [
        ("The fox is made of glass.", False),
        ("The fox is not made of glass.", True),
        ("Foxes aren't made of glass.", True),
        ("The fox does not move, but it is made of glass.", False),
        ("It is no cat. The fox is made of glass.", False),
        ("A fox without fur is made of glass.", True),
    ],
)
def test_what_is_in_the_picture_may_not_be_denied(answer: str, denied: bool) -> None:
    assert bool(says(answer, {"never_deny": ["oddity"]})) == denied


@pytest.mark.parametrize(
    ("answer", "usual"),
    [
        ("A fox is usually made of glass.", True),
        ("A fox is not usually made of glass.", False),
        ("A fox usually has fur, and this one is made of glass.", False),
    ],
)
def test_what_is_odd_may_not_be_called_normal(answer: str, usual: bool) -> None:
    assert bool(says(answer, {"never_usual": ["oddity"]})) == usual


def test_answers_may_not_add_much() -> None:
    assert not says("The red fox made of glass is here in the forest.", {"faithful": 0.9})
    options = {"faithful": 0.5}
    found = verdict(
        chain("grounding", options),
        candidate(answers=["The fox is red.", "Purple dragons guard castles near oceans."]),
        "dialogue",
    )
    assert (found.outcome, found.score) == ("fail", 0.0)  # the worst answer counts


def test_words_that_only_a_plan_may_bring_in() -> None:
    options = {"only_planned": ["cause", "glass"]}
    assert says("The red fox causes trouble.", options) == "the answer says 'cause', which was not planned"
    assert not says("The red fox is made of glass.", options)


def test_a_question_that_the_model_wrote_plans_nothing() -> None:
    answers = ["The red fox is made of glass.", "The cause is a spell."]
    chat = candidate(answers=answers, questions=["What is odd here?", "What is the cause?"])
    assert verdict(chain("grounding", {"only_planned": ["cause"]}), chat, "dialogue").outcome == "fail"
    pool = candidate(answers=answers[1:], questions=["What is the cause?"])
    assert verdict(chain("grounding", {"only_planned": ["cause"]}), pool, "dialogue").outcome == "pass"


@pytest.mark.parametrize("word", ["cause of", "with", ""])
def test_only_words_that_carry_meaning_can_be_planned(word: str) -> None:
    with pytest.raises(SynthError, match="is no word that carries meaning"):
        chain("grounding", {"only_planned": [word]})


@pytest.mark.parametrize(
    "options",
    [
        {"answer": {"X": 0.5}},
        {"answer_either": {"X": 0.5}},
        {"apart": {"X": ["subject"]}},
        {"apart": {"subject": ["X"]}},
        {"never_deny": ["X"]},
        {"never_absent": ["X"]},
        {"never_usual": ["X"]},
        {"peculiar": {"X": "subject"}},
        {"peculiar": {"subject": "X"}},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("subjet.place", "'subjet.place' is no plan slot"),
        ("normal.place", "'normal.place' is no plan slot"),
        ("camera.place", "'camera.place': no entry of 'camera' has this fact"),
        ("subject.plaec", "'subject.plaec': no entry of 'subject' has this fact (there are ['is', 'place'])"),
    ],
)
def test_sources_must_exist(options: dict[str, Any], source: str, problem: str) -> None:
    classes, _ = plugins.load_all("synth.filters")
    named = json.loads(json.dumps(options).replace("X", source))
    with pytest.raises(SynthError) as error:
        build_chain(ability(filters=[{"grounding": named}]), classes, banks())
    assert f"filters: grounding: {problem}" in error.value.message


def test_a_fact_that_only_some_entries_have_is_a_source() -> None:
    classes, _ = plugins.load_all("synth.filters")
    few = banks(odd="made of glass\nwearing a hat | true: keeps its head warm\n")
    assert build_chain(ability(filters=[{"grounding": {"never_deny": ["oddity.true"]}}]), classes, few)


def test_no_sources_no_verdict_but_pass() -> None:
    one: Candidate = candidate(answers=["Anything goes here."])
    assert verdict(chain("grounding"), one, "dialogue").outcome == "pass"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("The fox is made of glass. A normal fox has fur.", ""),
        ("The fox is made of glass. A normal runner has fur.", "normal for something else: 'runner has fur'"),
        ("The fox differs from a normal one.", ""),
    ],
)
def test_what_is_normal_must_be_said_of_the_subject(answer: str, problem: str) -> None:
    assert problem in says(answer, {"never_usual": ["oddity"]})
    assert bool(says(answer, {"never_usual": ["oddity"]})) == bool(problem)


@pytest.mark.parametrize(
    ("answer", "denied"),
    [
        ("The fox is not in a forest here.", True),
        ("It is impossible for a fox to be in a snowy forest.", True),
        ("The fox cannot read a book in a forest.", False),
    ],
)
def test_a_negated_clause_that_is_true_of_the_subject_is_a_contradiction(answer: str, denied: bool) -> None:
    assert bool(says(answer, {"never_deny": ["subject.place"]})) == denied


def test_too_something_to_be_what_the_picture_shows_is_a_contradiction() -> None:
    options = {"never_absent": ["oddity"]}
    assert "there is no oddity" in says("The fox is too soft to be made of glass.", options)
    assert not says("A real fox is too soft to be made of glass.", options)


@pytest.mark.parametrize("options", [{"answer": {"subject": -1}}, {"answer_either": {"oddity": 60}}])
def test_shares_are_between_0_and_1(options: dict[str, Any]) -> None:
    with pytest.raises(SynthError, match=r"(less|greater) than or equal to [01]"):
        chain("grounding", options)
