"""Repeats, near repeats and the share of a subject."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from synth.filters import repetition

from synth.filtering import Chain
from synth.records import Candidate, Image, Sample, Turn, Verdict
from tests.doubles import candidate
from tests.filters.judging import chain

LOOSE = {"max_subject_share": 1.0, "subject_grace": 1000}


def prompt(index: int, keywords: list[str], subject: str = "fox") -> Candidate:
    return candidate(index, keywords, plan={"subject": subject, "oddity": "x", "camera": "y"})


def judge(one: Chain, *candidates: Candidate, stage: str = "prompt") -> list[Verdict]:
    found = []
    for c in candidates:
        one.check_in_order(c, stage)  # type: ignore[arg-type]
        found.append(c.verdicts[-1])
    return found


def outcomes(verdicts: list[Verdict]) -> list[str]:
    return [v.outcome for v in verdicts]


TEN = [f"thing number{n}" for n in range(10)]


def test_the_same_keywords_are_a_repeat_however_they_are_written() -> None:
    first, *repeats = judge(
        chain("repetition", LOOSE),
        prompt(0, ["red fox", "the snowy forest", "white snow"]),
        prompt(1, ["red fox", "the snowy forest", "white snow"]),
        prompt(2, ["White Snow", "((a Red Fox:1.2))", "snowy forest"]),
        prompt(3, ["blue owl", "old barn", "night"]),
    )
    assert (first.outcome, first.score) == ("pass", 0.0)
    assert outcomes(repeats) == ["fail", "fail", "pass"]
    assert repeats[0].score == repeats[1].score == 1.0
    assert "repeats an earlier one" in repeats[0].reason


@pytest.mark.parametrize(
    ("common", "total", "outcome"),
    [(7, 10, "fail"), (8, 10, "fail"), (6, 9, "pass"), (13, 19, "pass"), (14, 20, "fail")],
)
def test_the_threshold_counts_exactly(common: int, total: int, outcome: str) -> None:
    """`common` of `total` distinct keywords are in both; a similarity of 0.7 is a repeat. That the
    hash proposes the pair is a matter of probability, so several pairs are tried."""
    found, one = [], chain("repetition", LOOSE)
    for trial in range(40):
        words = [f"w{trial}x{n}" for n in range(total)]
        earlier = words[:common] + words[common : common + (total - common) // 2]
        later = words[:common] + words[common + (total - common) // 2 :]
        found.append(judge(one, prompt(0, earlier), prompt(1, later))[1])
    failed = [v for v in found if v.outcome == "fail"]
    if outcome == "pass":
        assert not failed
    else:
        assert len(failed) >= 30  # 0.92 of them are to be expected
        assert {v.score for v in failed} == {round(common / total, 3)}
        assert "nearly repeats" in failed[0].reason


def test_rejected_prompts_are_not_remembered() -> None:
    a, b, c = TEN, [*TEN[:9], "other"], [*TEN[:7], "x", "y", "z"]
    found = judge(chain("repetition", {**LOOSE, "threshold": 0.75}), prompt(0, a), prompt(1, b), prompt(2, c))
    assert outcomes(found) == ["pass", "fail", "pass"]


def test_answers_are_compared_by_word_triples() -> None:
    text = "The red fox stands in a snowy forest and it is made of clear green glass."
    one = chain("repetition", LOOSE)
    found = judge(
        one,
        candidate(0, answers=[text]),
        candidate(1, answers=[text.upper()]),
        candidate(2, answers=["Glass green clear of made is it and forest snowy a in stands fox red the."]),
        candidate(3, answers=["Yes."]),
        candidate(4, answers=["Yes!"]),
        stage="dialogue",
    )
    assert outcomes(found) == ["pass", "fail", "pass", "pass", "fail"]


def test_the_share_of_a_subject_is_counted_over_the_candidates_so_far() -> None:
    """With a share of 0.25 and a grace of 2: every fourth candidate so far may be a fox."""
    one = chain("repetition", {"max_subject_share": 0.25, "subject_grace": 2, "threshold": 1.0})
    number = iter(range(1000))

    def next_is(subject: str) -> Verdict:
        index = next(number)
        return judge(one, prompt(index, [f"k{index}"], subject))[0]

    assert outcomes([next_is("Red fox"), next_is("a red fox"), next_is("red fox")]) == [
        "pass",
        "pass",
        "fail",
    ]
    for n in range(6):
        assert next_is(f"other{n}").outcome == "pass"
    assert next_is("red fox").outcome == "fail"  # 2 of 8
    assert next_is("one more").outcome == "pass"
    found = next_is("red fox")  # 2 of 9
    assert found.outcome == "pass"
    found = next_is("red fox")  # 3 of 10
    assert found.outcome == "fail"
    assert (found.score, "3 of 10" in found.reason) == (3, True)


def stream(seed: int, count: int = 120) -> list[Candidate]:
    dice = random.Random(seed)
    made = []
    for index in range(count):
        keywords = [f"k{dice.randrange(12)}" for _ in range(4)]
        made.append(prompt(index, keywords, f"s{dice.randrange(5)}"))
    return made


@pytest.mark.parametrize("split", [0, 1, 40, 119, 120])
def test_a_replayed_run_goes_on_with_the_same_verdicts(split: int) -> None:
    options = {"max_subject_share": 0.3, "threshold": 0.6}
    whole = stream(1)
    wanted = judge(chain("repetition", options), *whole)
    assert {"pass", "fail"} == set(outcomes(wanted))
    resumed = chain("repetition", options)
    for one in whole[:split]:
        resumed.replay(Candidate.from_json(one.to_json()), "prompt")
    later = [replace(c, verdicts=[]) for c in whole[split:]]
    assert judge(resumed, *later) == wanted[split:]


def test_replay_forgets_what_failed_or_was_never_asked() -> None:
    resumed = chain("repetition", LOOSE)
    failed, unasked = prompt(0, TEN), prompt(1, TEN)
    failed.verdicts.append(Verdict(filter="repetition", stage="prompt", outcome="fail"))
    unasked.verdicts.append(Verdict(filter="length", stage="prompt", outcome="fail"))
    resumed.replay(failed, "prompt")
    resumed.replay(unasked, "prompt")
    assert outcomes(judge(resumed, prompt(2, TEN))) == ["pass"]


def test_an_existing_data_set_is_not_repeated() -> None:
    text = "The red fox stands in a snowy forest and looks at us."
    sample = Sample(
        id="x",
        ability="y",
        form="single",
        stage=1,
        images=[Image(prompt="p", keywords=TEN, seed=1)],
        turns=[Turn(role="user", text="<image>\nWhat?"), Turn(role="assistant", text=text)],
    )
    one = chain("repetition", LOOSE)
    one.remember_dataset(lambda: iter([sample]))
    assert outcomes(judge(one, prompt(0, TEN), prompt(1, ["new", "words"]))) == ["fail", "pass"]
    assert outcomes(judge(one, candidate(2, answers=[text]), stage="dialogue")) == ["fail"]


def test_equal_sets_are_always_found_among_many() -> None:
    one = chain("repetition", {**LOOSE, "threshold": 0.9})
    many = [[f"a{n}", f"b{n}", f"c{n % 7}"] for n in range(300)]
    assert set(outcomes(judge(one, *(prompt(n, words) for n, words in enumerate(many))))) == {"pass"}
    again = judge(one, *(prompt(300 + n, words[::-1]) for n, words in enumerate(many)))
    assert set(outcomes(again)) == {"fail"}


def test_many_proposals_at_once_are_compared_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(4)
    found: list[list[tuple[float, int]]] = []
    texts = [[f"w{dice.randrange(30)}" for _ in range(dice.randrange(1, 25))] for _ in range(150)]
    for many in (1, 10**9):
        monkeypatch.setattr(repetition, "_MANY", many)
        index = repetition.NearDuplicates(0.5, bands=6)
        found.append([])
        for text in texts:
            item = index.item(text)
            found[-1].append(index.nearest(item))
            index.add(item)
    assert found[0] == found[1]
    assert len({where for _, where in found[0]}) > 20
