"""The diffusers renderer. Flagged and blank pictures, and memory that runs out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import diffusing
import pytest
import torch
from diffusing import TOLERANCE, apart, ask, break_pipeline, painter, started

from synth.errors import BackendError

pytestmark = diffusing.MARKS


def test_blank_and_flagged_pictures_get_other_seeds(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = started(models["sd15"])

    def spoil(seeds: list[int], out: Any) -> Any:
        if out is not None:
            out.nsfw_content_detected = [seed == 11 for seed in seeds]
            for at, seed in enumerate(seeds):
                if seed == 12:
                    out.images[at] = float("nan")
        return out

    sizes = break_pipeline(renderer, monkeypatch, spoil)
    good, flagged, blank = renderer.render([ask(renderer, seed=seed) for seed in (10, 11, 12)])
    assert sizes == [4, 4]  # the second try of both shares a batch of the usual shape
    assert (good.seed, good.note, good.flaw) == (None, "", "")
    for one, asked in ((flagged, 11), (blank, 12)):
        assert one.seed not in (None, asked)
        assert (one.flaw, one.note, one.attempts) == ("", "", 2)
        assert apart(renderer.render([ask(renderer, seed=one.seed or 0)])[0], one) <= TOLERANCE


def test_tries_are_bounded_and_end_with_the_reason(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = started(models["sd15"], retries=3)

    def spoil(seeds: list[int], out: Any) -> Any:
        if out is not None:
            out.nsfw_content_detected = [True] * len(seeds)
        return out

    sizes = break_pipeline(renderer, monkeypatch, spoil)
    (one,) = renderer.render([ask(renderer)])
    assert sizes == [4] * 4
    assert one.flaw == "the model's safety checker flagged the picture, also with 3 other seeds"
    never = started(models["sd15"], retries=0)
    assert never.render([ask(never)])[0].flaw == "the model's safety checker flagged the picture"


def test_a_picture_that_stays_blank_is_left_to_the_filter(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = started(models["sd15"])

    def spoil(seeds: list[int], out: Any) -> Any:
        if out is not None:
            out.images[:] = 0.5
        return out

    break_pipeline(renderer, monkeypatch, spoil)
    (one,) = renderer.render([ask(renderer)])
    assert (one.flaw, one.image.getextrema()) == ("", ((128, 128),) * 3)


def test_out_of_memory_halves_the_batch_once_and_for_all(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = started(models["sd15"], batch_size=8)
    requests = [ask(renderer, seed=seed) for seed in range(7)]
    expected = renderer.render(requests)
    sizes = break_pipeline(
        renderer,
        monkeypatch,
        lambda seeds, out: torch.OutOfMemoryError("CUDA out of memory") if len(seeds) > 2 else out,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = renderer.render(requests)
        assert renderer.render(requests[:1])[0].note == found[0].note
    assert sizes == [8, 4, 2, 2, 2, 2, 2]
    assert max(map(apart, expected, found)) <= TOLERANCE
    assert [str(one.message) for one in caught if "out of memory" in str(one.message)] == [
        "out of memory with 8 pictures at once: going on with 4 "
        "(render_settings.batch_size=4 would say so from the start)",
        "out of memory with 4 pictures at once: going on with 2 "
        "(render_settings.batch_size=2 would say so from the start)",
    ]
    assert {one.note for one in found} == {"batch of 2 instead of 8: out of memory"}
    assert renderer.identity()["batch_size"] == 8


@pytest.mark.parametrize(
    ("raised", "message", "fatal"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "Not even a single picture fits", True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "Not even a single", True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "The GPU failed", True),
        (ValueError("an odd prompt"), "an odd prompt", False),
    ],
)
def test_what_no_smaller_batch_helps_against(
    raised: Exception, message: str, fatal: bool, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = started(models["sd15"])
    break_pipeline(renderer, monkeypatch, lambda seeds, out: raised)
    with warnings.catch_warnings(), pytest.raises(BackendError if fatal else ValueError, match=message):
        warnings.simplefilter("ignore")
        renderer.render([ask(renderer)])


def test_out_of_memory_that_a_pipeline_catches_itself_halves_the_batch_too(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SANA's does so while decoding."""
    renderer = started(models["sana"])
    decoder, sizes = painter(renderer)._noise.pipeline.vae, []
    original = decoder.decode

    def decode(latents: Any, **options: Any) -> Any:
        sizes.append(len(latents))
        if len(latents) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(latents, **options)

    monkeypatch.setattr(decoder, "decode", decode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = renderer.render([ask(renderer, seed=seed) for seed in range(4)])
    assert sizes == [4, 2, 2]
    assert {one.note for one in found} == {"batch of 2 instead of 4: out of memory"}
