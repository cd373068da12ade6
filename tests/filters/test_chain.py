"""The chain: options, order, verdicts, and filters that break."""

from __future__ import annotations

from typing import Any

import pytest

from synth import plugins
from synth.errors import SynthError
from synth.filtering import Chain, Filter, build_chain, failed, passed
from tests.doubles import ability, candidate
from tests.filters.judging import chain

BUILT_IN = sorted(plugins.discover("synth.filters"))


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_unknown_option_names_template_filter_and_option(name: str) -> None:
    with pytest.raises(SynthError) as error:
        chain(name, {"treshold": 3})
    assert error.value.message.startswith(f"tiny.yaml, line 1: filters: {name}: treshold: ")
    assert "Options of this filter: " in error.value.fix


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("length", {"max_keywords": 0}),
        ("length", {"max_characters": "many"}),
        ("repetition", {"threshold": 1.5}),
        ("repetition", {"max_subject_share": 0}),
        ("grounding", {"faithful": -1}),
        ("grounding", {"answer": {"subject": "all"}}),
        ("alignment", {"threshold": 2}),
        ("picture", {"min_deviation": -1}),
        ("phrasing", {"max_sentences": 0}),
        ("references", {"sees": 1.5}),
        ("contradiction", {"things": "animal"}),
        ("non_visual", {"also": "smell"}),
    ],
)
def test_a_wrong_value_names_its_option(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(SynthError, match=f"filters: {name}: {next(iter(options))}"):
        chain(name, options)


def test_unknown_filters_list_those_that_are_installed() -> None:
    with pytest.raises(SynthError, match="filters: lenght: there is no such filter") as error:
        chain("lenght")
    assert "length" in error.value.fix


def test_what_is_not_a_filter_is_refused() -> None:
    with pytest.raises(SynthError, match="not a filter class"):
        build_chain(ability(), {"length": print})  # type: ignore[dict-item]


class Plain(Filter):
    stages = ("prompt",)
    says: Any = passed()

    def check(self, *_: Any) -> Any:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def filters(*says: Any) -> Chain:
    made = []
    for number, one in enumerate(says):
        made.append(Plain(None, ability()))
        made[-1].name, made[-1].says = f"f{number}", one
    return Chain(made)


def test_the_first_failure_decides_and_every_verdict_is_recorded() -> None:
    one = candidate()
    found = filters(passed(0.5), failed("no", 3), passed()).check(one, "prompt", attempt=2)
    assert found is one.verdicts[-1]
    assert [(v.filter, v.outcome, v.score, v.attempt) for v in one.verdicts] == [
        ("f0", "pass", 0.5, 2),
        ("f1", "fail", 3, 2),
    ]


@pytest.mark.parametrize("says", [ZeroDivisionError("division by zero"), None, "yes"])
def test_a_filter_that_breaks_is_named_with_its_candidate(says: Any) -> None:
    one = candidate(7)
    with pytest.raises(SynthError) as error:
        filters(says).check(one, "prompt")
    assert "The filter 'f0' failed on tiny-s0-000007 (stage prompt)" in error.value.message
    if says is not None and not isinstance(says, str):
        assert "ZeroDivisionError: division by zero" in error.value.message
    assert not one.verdicts


def test_a_filter_that_breaks_in_remember_is_named_too() -> None:
    class Forgetful(Plain):
        ordered = True

        def remember(self, *_: Any) -> None:
            raise KeyError("x")

    forgetful = Forgetful(None, ability())
    forgetful.name = "forgetful"
    with pytest.raises(SynthError, match="'forgetful' failed on tiny-s0-000000"):
        Chain([forgetful]).check_in_order(candidate(), "prompt")
