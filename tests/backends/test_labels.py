"""The stand-in scorer; its ranking is measured by benchmarks/imagenet_labels.py."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from synth.backends.render.base import Rendered
from synth.backends.score import labels
from synth.backends.score.base import ScoreRequest, ScoreSettings
from synth.backends.score.labels import ImageNetLabels
from synth.errors import MissingExtra, SynthError
from synth.run.select import options
from tests.small_runs import picture

needs_it = pytest.mark.skipif(
    not all(find_spec(module) for module in labels._PACKAGES), reason="the extra [labels] is not installed"
)


def test_it_is_never_picked_and_has_a_threshold_of_its_own() -> None:
    assert next(one.rank for one in options("synth.scorers") if one.name == "imagenet_labels") == 0
    scorer = ImageNetLabels.create("", ScoreSettings())
    assert scorer.threshold == 0.2
    assert "clip" not in str(scorer.identity()).lower()
    with pytest.raises(SynthError, match="takes no argument"):
        ImageNetLabels.create("x", ScoreSettings())


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "find_spec", lambda name: None)
    assert "synth-vlit[labels]" in ImageNetLabels.available()[1]
    with pytest.raises(MissingExtra, match=r"\[labels\]"):
        ImageNetLabels.create("", ScoreSettings()).start()


@pytest.fixture(scope="module")
def scorer() -> Iterator[ImageNetLabels]:
    one = ImageNetLabels.create("", ScoreSettings(guided=True))
    one.start()
    yield one
    one.close()


def request(seed: int, text: str = "A red fox.") -> ScoreRequest:
    return ScoreRequest(Rendered(picture(seed, 64)), ("red fox", "snow"), text, f"What is it? {text}")


@needs_it
def test_a_batch_says_what_its_parts_say(scorer: ImageNetLabels) -> None:
    requests = [request(seed, "A fox. " * (1 + 60 * seed)) for seed in range(4)]
    together = scorer.score(requests)
    for one, alone in zip(together, [scorer.score([one])[0] for one in requests], strict=True):
        assert one.prompt == pytest.approx(alone.prompt, abs=2e-4)
        assert one.dialogue == pytest.approx(alone.dialogue, abs=2e-4)
        assert one.guided == pytest.approx(alone.guided, abs=2e-4)


@needs_it
def test_what_the_classifier_says_scores_highest(scorer: ImageNetLabels) -> None:
    named = scorer.labels(picture(1, 64))
    best, worst = scorer.score([request(1, named[0]), request(1, "the tax law of 1952")])
    assert best.dialogue == pytest.approx(1, abs=1e-3)
    assert (worst.dialogue or 0) < 0.5
