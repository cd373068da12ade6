"""Explicit words and pictures."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

from synth.backends.render.base import Rendered
from synth.catalog import Catalog
from synth.records import Verdict
from tests.doubles import candidate
from tests.filters.judging import chain, verdict
from tests.small_runs import picture

safety = importlib.import_module("synth.filters.safety")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    safety._loaded.cache_clear()
    yield
    safety._loaded.cache_clear()


class Detector:
    """Sees what it is told."""

    def __init__(self, *found: tuple[str, float]) -> None:
        self.found = [{"class": name, "score": score, "box": [0, 0, 1, 1]} for name, score in found]
        self.seen: list[Any] = []

    def detect(self, pixels: Any) -> list[dict[str, Any]]:
        self.seen.append(pixels)
        return self.found


def look(monkeypatch: pytest.MonkeyPatch, detector: Any, options: dict[str, Any] | None = None) -> Verdict:
    monkeypatch.setattr(safety, "_detector", lambda: detector)
    return verdict(chain("safety", options), candidate(), "image", [Rendered(picture(1, 64))])


@pytest.mark.parametrize("keyword", ["a nude woman", "Topless dancers", "gory scene", "naked"])
def test_explicit_words_fail_in_prompts_and_dialogues(keyword: str) -> None:
    found = verdict(chain("safety"), candidate(keywords=["red fox", keyword]), "prompt")
    assert found.outcome == "fail"
    said = candidate(answers=[f"The picture shows {keyword} here."])
    assert verdict(chain("safety"), said, "dialogue").outcome == "fail"


@pytest.mark.parametrize("keyword", ["a nudge", "nakedly honest portrait", "gorge", "sextant", "swimming trunks"])
def test_whole_words_only(keyword: str) -> None:
    assert verdict(chain("safety"), candidate(keywords=[keyword]), "prompt").outcome == "pass"


def test_words_can_be_added_and_allowed() -> None:
    one = candidate(keywords=["nude heels", "a gun"])
    assert verdict(chain("safety", {"allow": ["nude"]}), one, "prompt").outcome == "pass"
    found = verdict(chain("safety", {"allow": ["nude"], "also": ["gun"]}), one, "prompt")
    assert "'gun'" in found.reason


@pytest.mark.parametrize(("certainty", "outcome"), [(0.39, "pass"), (0.4, "fail"), (0.9, "fail")])
def test_pictures_are_dropped_from_a_certainty_on(
    certainty: float, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = look(monkeypatch, Detector(("BUTTOCKS_EXPOSED", certainty), ("FEET_EXPOSED", 0.99)))
    assert (found.outcome, found.score) == (outcome, certainty)
    assert look(monkeypatch, Detector(("BUTTOCKS_EXPOSED", certainty)), {"nudity": 1.0}).outcome == "pass"


def test_where_the_detector_is_not_installed_it_was_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nudenet", None)
    found = verdict(chain("safety"), candidate(), "image", [Rendered(picture(1, 64))])
    assert (found.outcome, found.score) == ("not_run", None)
    assert "synth-vlit[nsfw]" in found.reason


def test_it_can_decide_again() -> None:
    [one] = chain("safety", {"nudity": 0.6}).filters
    again = one.check_again(candidate(), Verdict(filter="safety", stage="image", outcome="fail", score=0.5))
    assert again is not None
    assert (again.outcome, again.score) == ("pass", 0.5)
    blind = one.check_again(candidate(), Verdict(filter="safety", stage="image", outcome="not_run", reason="no"))
    assert blind is not None
    assert (blind.outcome, blind.reason) == ("not_run", "no")
    assert one.check_again(candidate(), None) is None


def test_the_detector_is_loaded_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []

    class Slow(Detector):
        def __init__(self) -> None:
            super().__init__()
            time.sleep(0.05)
            loaded.append(1)

    monkeypatch.setitem(sys.modules, "nudenet", SimpleNamespace(NudeDetector=Slow))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: safety._detector(), range(4)))
    assert len(loaded) == 1 and len({id(one) for one in found}) == 1


@pytest.mark.skipif(find_spec("nudenet") is None, reason="nudenet ([nsfw]) is not installed")
def test_the_real_detector_lets_harmless_pictures_pass() -> None:
    for seed in range(3):
        shown = [Rendered(picture(seed, 200)), Rendered(picture(seed, 64).resize((90, 40)))]
        assert verdict(chain("safety"), candidate(), "image", shown).outcome == "pass"


def test_it_is_on_for_abilities_about_people() -> None:
    catalog = Catalog()
    for name in ("action", "profession", "clothes"):
        assert "safety" in [use.name for use in catalog.ability(name).filters], name
