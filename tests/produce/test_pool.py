"""Rounds, the rotating pool of examples, and what a resumed run rebuilds."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.config import PoolSettings
from synth.produce.pool import Demonstration, ExamplePool, Rounds, demonstration
from synth.produce.prompting import Prompter
from synth.produce.rotation import Rotation
from synth.records import Candidate, Entry, Turn
from tests.doubles import ability, candidate


def demo(name: str, keywords: list[str] | None = None, fresh: bool = False) -> Demonstration:
    return Demonstration(name, {}, [], {}, [keywords or [name]], "?", [], fresh)


OWN = [demo(f"own{number}") for number in range(6)]


def fresh(round_: int, count: int = 8) -> list[Demonstration]:
    return [demo(f"r{round_}c{number}", fresh=True) for number in range(count)]


def ids(pool: ExamplePool, round_: int) -> set[str]:
    return {one.id for group in pool.groups(round_) for one in group}


# -- rounds -----------------------------------------------------------------------------------


def test_round_layout() -> None:
    rounds = Rounds(128)
    assert [rounds.size(r) for r in range(8)] == [8, 8, 16, 32, 64, 128, 128, 128]
    assert [rounds.of(i) for i in (0, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256)] == [
        0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6,
    ]  # fmt: skip
    assert [rounds.start(r) for r in range(6)] == [0, 8, 16, 32, 64, 128]


@given(size=st.integers(1, 300), index=st.integers(0, 3000))
def test_every_index_lies_in_its_round(size: int, index: int) -> None:
    rounds = Rounds(size)
    round_ = rounds.of(index)
    assert rounds.start(round_) <= index < rounds.start(round_) + rounds.size(round_)
    assert Rounds(size).of(index) == round_


# -- the pool ---------------------------------------------------------------------------------


def test_the_pool_of_a_round_knows_only_rounds_up_to_two_before() -> None:
    settings_ = PoolSettings(portion=0.5, max_fresh=1.0)
    one, other = ExamplePool(OWN, settings_, 1), ExamplePool(OWN, settings_, 1)
    assert ids(one, 0) == ids(one, 1) == {o.id for o in OWN}
    for round_ in range(5):
        one.advance(fresh(round_))
        assert one.newest_round == round_ + 2
        if round_ == 4:
            other.advance(fresh(99))  # another round 4
        else:
            other.advance(fresh(round_))
        if round_ < 4:
            assert one.groups(round_ + 2) == other.groups(round_ + 2)
            newest = max(int(id_[1]) for id_ in ids(one, round_ + 2) if id_.startswith("r"))
            assert newest == round_
    assert one.groups(5) == other.groups(5)  # round 4 is not in it yet
    assert one.groups(6) != other.groups(6)
    with pytest.raises(KeyError):
        one.groups(7)


@settings(max_examples=60, deadline=None)
@given(portion=st.floats(0, 1), share=st.floats(0, 1), passed=st.lists(st.integers(0, 8), min_size=1, max_size=8))
def test_portion_and_share_of_fresh_examples_hold(portion: float, share: float, passed: list[int]) -> None:
    pool = ExamplePool(OWN, PoolSettings(portion=portion, max_fresh=share, groups=3), 1)
    before = ids(pool, 1)
    for round_, count in enumerate(passed):
        pool.advance(fresh(round_, count))
        now = ids(pool, round_ + 2)
        assert len(now) == 6
        assert len(now - before) <= round(portion * 6)
        assert sum(not id_.startswith("own") for id_ in now) <= int(share * 6)
        assert len(now - before) == min(round(portion * 6), int(share * 6), count)
        before = now


def test_newcomers_are_those_that_differ_most() -> None:
    own = [demo(f"own{n}", ["brown dog", "green lawn"]) for n in range(4)]
    pool = ExamplePool(own, PoolSettings(size=4, portion=0.5, max_fresh=0.5), 1)
    pool.advance(
        [
            demo("same", ["brown dog", "green lawn"], True),
            demo("near", ["brown dog", "green lawn", "white fence"], True),
            demo("far", ["steel bridge", "night sky"], True),
            demo("copy of far", ["steel bridge", "night sky"], True),
            demo("other", ["tea pot", "table"], True),
        ]
    )
    assert {one for one in ids(pool, 2) if not one.startswith("own")} == {"far", "other"}


def talk(name: str, *texts: str, question: str = "") -> Demonstration:
    """A fresh dialogue about something else than all others."""
    turns = [Turn(role="assistant" if at % 2 else "user", text=text) for at, text in enumerate(texts)]
    return Demonstration(name, {}, [], {}, [[name]], question, turns, fresh=True)


def test_newcomers_are_those_that_speak_otherwise() -> None:
    """A model copies how its examples begin, so examples that begin alike must not fill the pool."""
    like = ("<image>\nI would like to {}. Where do I start?", "I see the {}. Go on.")
    own = [talk(f"own{n}", *(text.format(f"do {n}") for text in like)) for n in range(4)]
    pool = ExamplePool([replace(one, fresh=False) for one in own], PoolSettings(size=4, portion=0.5), 1)
    others = [talk(f"same{n}", *(text.format(f"make {n}") for text in like)) for n in range(4)]
    others.insert(2, talk("new", "<image>\nThe pan is hot. What now?", "Your pan is ready. Crack the egg."))
    others.append(talk("newer", "<image>\nCan you help?", "Of course, first fold it."))
    pool.advance(others)
    assert {one for one in ids(pool, 2) if not one.startswith("own")} == {"new", "newer"}


def test_a_question_of_the_template_is_no_habit_of_the_model() -> None:
    told = talk(
        "it", "<image>\n<image>\nHow do they differ?", "The first is red. It shines.", question="How do they differ?"
    )
    assert told.openings == {("assistant", "the", "first", "is"), ("assistant", "it", "shines")}
    assert ("user", "how", "do", "they") in replace(told, question="").openings


@settings(max_examples=60, deadline=None)
@given(size=st.integers(2, 20), share=st.floats(0, 1), width=st.integers(1, 6), groups=st.integers(1, 4))
def test_groups_show_fresh_examples_as_the_pool_has_them(size: int, share: float, width: int, groups: int) -> None:
    own = [demo(f"own{number}") for number in range(size)]
    limits = PoolSettings(size=size, portion=1.0, max_fresh=share, examples_per_group=width, groups=groups)
    pool = ExamplePool(own, limits, 1)
    for round_ in range(3):
        pool.advance(fresh(round_, size))
    wide = min(width, size)
    in_pool = int(share * size) / size
    shown = pool.groups(4)
    assert [len({one.id for one in group}) for group in shown] == [wide] * groups
    for group in shown:
        count = sum(one.fresh for one in group)
        assert count <= wide * in_pool + 1
        assert in_pool == 1 or wide == 1 or count < wide
    assert sum(one.fresh for group in shown for one in group) <= groups * wide * in_pool


def test_fresh_examples_leave_oldest_first_once_their_share_is_full() -> None:
    pool = ExamplePool(OWN, PoolSettings(portion=0.17, max_fresh=0.34), 1)
    seen = []
    for round_ in range(4):
        pool.advance(fresh(round_, 1))
        seen.append({id_ for id_ in ids(pool, round_ + 2) if not id_.startswith("own")})
    assert seen == [{"r0c0"}, {"r0c0", "r1c0"}, {"r1c0", "r2c0"}, {"r2c0", "r3c0"}]


def test_groups_are_fixed_within_a_round_and_cover_the_pool() -> None:
    pool = ExamplePool(OWN, PoolSettings(), 1)
    groups = pool.groups(0)
    assert groups == pool.groups(0) == ExamplePool(OWN, PoolSettings(), 1).groups(0)
    assert [len(group) for group in groups] == [3, 3]
    assert len({one.id for group in groups for one in group}) == 6
    assert [pool.groups(0), pool.groups(1)] != [groups, groups]


def test_what_our_code_appended_is_not_shown_as_the_models_own() -> None:
    one = candidate(keywords=["red fox", "snowy forest", "photo"])
    assert demonstration(one, ["camera"]).keywords == [["red fox", "snowy forest"]]
    assert demonstration(one, []).keywords == [["red fox", "snowy forest", "photo"]]


# -- rotation ---------------------------------------------------------------------------------


def rotation() -> Rotation:
    return Rotation(Prompter(ability(), "describe"), PoolSettings(max_fresh=1.0, portion=0.5), 3)


def written(index: int, passed: bool = True) -> Candidate:
    subject = f"subject{index}"
    return candidate(
        index,
        [f"{subject} made of glass", f"place{index}"],
        plan={
            "subject": Entry(text=subject, facts={"place": f"place{index}"}),
            "oddity": "x",
            "camera": "photo",
        },
        text_passed=passed,
    )


async def examples_of(one: Rotation, index: int) -> tuple[str, ...]:
    return (await asyncio.wait_for(one.prompts(index), 1)).example_ids


async def test_a_round_waits_for_the_one_two_before_it() -> None:
    one = rotation()
    assert await examples_of(one, 15)
    waiting = asyncio.create_task(one.prompts(16))
    for index in range(7):
        one.text_done(written(index))
    await asyncio.sleep(0)
    assert not waiting.done()
    one.text_done(written(7, passed=False))  # what failed counts as done, too
    found = await asyncio.wait_for(waiting, 1)
    every = {*found.example_ids, *await examples_of(one, 31)}
    new = {id_ for id_ in every if not id_.startswith("tiny/template")}
    assert new
    assert new < {f"tiny-s0-{index:06d}" for index in range(7)}


async def test_order_of_finishing_and_verdicts_on_pictures_change_nothing() -> None:
    one, other = rotation(), rotation()
    await examples_of(one, 15), await examples_of(other, 15)
    for index in range(16):
        one.text_done(written(index))
    for index in [*range(15, 7, -1), *range(7, -1, -1)]:
        late = written(index)
        late.state = "accepted" if index % 2 else "rejected"  # by a filter on pictures
        late.decided_by = "" if index % 2 else "alignment"
        other.text_done(late)
    for index in (16, 24, 31, 32, 63):
        assert await examples_of(one, index) == await examples_of(other, index)
        assert (await one.prompts(index)).write.key == (await other.prompts(index)).write.key


async def test_requests_of_a_group_share_their_first_messages() -> None:
    one = rotation()
    keys = [(await one.prompts(index)).write.key for index in range(8)]
    assert keys[:4] == [keys[0]] * 4
    assert keys[4:] == [keys[4]] * 4
    assert keys[0] != keys[4]
