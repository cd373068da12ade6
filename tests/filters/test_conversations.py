"""What filters ask of conversations in which pictures arrive turn by turn."""

from __future__ import annotations

from typing import Any

import pytest

from synth import plugins
from synth.errors import SynthError
from synth.filtering import build_chain
from synth.records import Candidate, Entry, Image, Turn
from tests.doubles import banks, interleaved
from tests.filters.judging import verdict

STEPS = (
    ("an empty teapot and a tin of tea", "Put two spoons of tea leaves into the teapot."),
    ("a teapot with dry tea leaves", "Pour hot water over the leaves and close the lid."),
    ("a teapot with its lid on", ""),
)
GOOD = (
    ("I want to make tea. What comes first?", "I see the tin. Put two spoons of tea leaves into the teapot."),
    ("They are in. What now?", "The leaves are dry, so pour hot water over the leaves and close the lid."),
    ("Like this?", "Yes, the lid is on and the tea is made."),
)


def says(name: str, options: dict[str, Any], pairs: tuple[tuple[str, str], ...]) -> str:
    classes, _ = plugins.load_all("synth.filters")
    chain = build_chain(interleaved(filters=[{name: options}]), classes, banks())
    turns, plans = [], []
    for (question, answer), (shows, step) in zip(pairs, STEPS, strict=True):
        turns += [Turn(role="user", text=f"<image>\n{question}"), Turn(role="assistant", text=answer)]
        plans.append({"view": Entry(text=shows), **({"state": Entry(text=step)} if step else {})})
    one = Candidate(
        id="steps-s0-000000", ability="steps", index=0, form="interleaved", stage=2, seed=0, round=0,
        plan={"task": Entry(text="make tea")}, picture_plans=plans, turns=turns,
        images=[Image(prompt=shows, keywords=[shows], seed=0) for shows, _ in STEPS],
    )  # fmt: skip
    found = verdict(chain, one, "dialogue")
    return found.reason if found.outcome == "fail" else ""


def but(number: int, question: str = "", answer: str = "") -> tuple[tuple[str, str], ...]:
    """The good conversation with another turn in the place of one."""
    pairs = list(GOOD)
    pairs[number] = (question or pairs[number][0], answer or pairs[number][1])
    return tuple(pairs)


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (GOOD, ""),
        (but(0, answer="I see a tin of tea."), "turn 1: the answer does not speak of the state 'Put two spoons"),
        (
            but(0, answer=f"{GOOD[0][1]} Then pour hot water over the leaves and close the lid."),
            "turn 1: the answer gives the state of turn 2",
        ),
        (but(1, question="I poured hot water over them and closed the lid. And now?"), "turn 2: the user says the"),
        (but(1, question="Now I see this. What comes?"), ""),
        (but(2, answer="Pour hot water over the leaves."), "turn 3: the answer gives the state of turn 2 again"),
        (but(2, answer="Now pour hot water over the leaves."), "turn 3: the answer gives the state of turn 2 again"),
        (but(2, answer="The tea leaves are under the lid."), ""),
        (but(2, answer="You put tea leaves into the teapot and poured hot water over them, so all is done."), ""),
    ],
)
def test_each_answer_gives_what_belongs_to_its_picture(pairs: tuple[tuple[str, str], ...], reason: str) -> None:
    found = says("grounding", {"turn": {"state": 0.6}}, pairs)
    assert bool(found) == bool(reason) and found.startswith(reason)


def test_turns_are_for_conversations_only() -> None:
    from tests.filters.judging import chain

    with pytest.raises(SynthError, match="it is for interleaved abilities"):
        chain("grounding", {"turn": {"subject": 0.5}})


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (GOOD, ""),
        (but(1, question=GOOD[0][0]), "turn 2: the user says the same again"),
        (but(1, question="My first idea is. What now?"), "turn 2: the user's sentence breaks off: 'idea is.'"),
        (but(1, question="This is my idea,. What now?"), "turn 2: the user's sentence breaks off: ',.'"),
        (but(1, question="The prompt says so. What now?"), "turn 2: the user talks about the task: 'prompt'"),
        (
            but(1, question="Pour hot water over the dry leaves, close the lid."),
            "turn 2: the user says what the answer says",
        ),
        (but(0, answer="Glue the spout onto the pot."), ""),  # an order, not a title without a verb
    ],
)
def test_what_users_say(pairs: tuple[tuple[str, str], ...], reason: str) -> None:
    assert says("phrasing", {}, pairs) == reason


def test_words_that_the_model_was_told_do_not_show_that_it_looked() -> None:
    blind = tuple((question, step or "It is done now.") for (question, _), (_, step) in zip(GOOD, STEPS, strict=True))
    assert not says("references", {"sees": 0.5}, blind)
    assert "names nothing of its picture" in says("references", {"sees": 0.5, "told": ["state"]}, blind)
    assert not says("references", {"sees": 0.5, "told": ["state"]}, GOOD)
