"""Keywords are ordered by the ability, and the first ones bracketed."""

from __future__ import annotations

from synth.produce.picture_prompt import join_keywords, order_keywords
from synth.records import Entry
from tests.doubles import ability, template

PLAN = {
    "subject": Entry(text="red fox"),
    "oddity": Entry(text="made of glass"),
    "camera": Entry(text="wide shot"),
}


def test_leading_slots_come_first_and_the_rest_keeps_its_order() -> None:
    written = ["snowy forest", "glass surface", "white snow", "a red fox"]
    assert order_keywords(written, PLAN, ability()) == [
        "a red fox", "glass surface", "snowy forest", "white snow", "wide shot",
    ]  # fmt: skip


def test_appended_words_are_there_once() -> None:
    assert order_keywords(["red fox", "a wide shot"], PLAN, ability()) == ["red fox", "a wide shot"]
    assert order_keywords(["red fox", "a shot"], PLAN, ability())[-1] == "wide shot"


def test_what_a_picture_shows_is_prepended_and_said_once() -> None:
    changes = {"prompt": {"lead": ["subject"], "prepend": ["subject"], "append": ["camera"]}}
    one = ability(**changes, write={**template()["write"], "leave_out": ["blue"]})
    written = ["red fox", "blue sky", "snowy forest", "a teapot"]
    sibling = {**PLAN, "subject": Entry(text="teapot")}
    assert order_keywords(written, PLAN, one, [sibling]) == ["red fox", "snowy forest", "wide shot"]
    assert order_keywords(written, PLAN, one) == ["red fox", "snowy forest", "a teapot", "wide shot"]


def test_emphasis() -> None:
    assert join_keywords(["a", "b", "c"], 2) == "((a)), ((b)), c"
    assert join_keywords(["a", "b"], 0) == "a, b"
    assert join_keywords(["a"], 4) == "((a))"
