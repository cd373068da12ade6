"""The diffusers renderer. Pictures depend on their own seed and prompt, whatever shares a batch with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusing
import pytest
import torch
from diffusing import TOLERANCE, apart, ask, painter, started
from pipelines import FAMILIES, SIDE

from synth.backends.render.base import RenderRequest
from synth.backends.render.diffusers import Diffusers

pytestmark = diffusing.MARKS


@pytest.mark.parametrize("family", FAMILIES)
def test_a_picture_depends_on_its_own_seed_and_prompt_alone(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family])
    requests = [ask(renderer, seed=seed) for seed in range(6)]  # a whole batch and a half-empty one
    first = renderer.render(requests)
    assert all(one.image.size == renderer.size and one.image.mode == "RGB" and not one.flaw for one in first)
    assert all(apart(first[0], other) > 10 for other in first[1:])
    again = renderer.render(requests[::-1])[::-1]
    alone = renderer.render([requests[5]])[0]
    assert max(map(apart, first, again)) <= TOLERANCE
    assert apart(first[5], alone) <= TOLERANCE
    neighbours = [ask(renderer, prompt=f"a glass cat {n}", seed=n) for n in range(3)]
    assert apart(renderer.render([*neighbours, requests[2]])[3], first[2]) <= TOLERANCE
    other = renderer.render([ask(renderer, prompt="a glass hat", seed=0)])[0]
    assert apart(other, first[0]) > 0


def noise_of(renderer: Diffusers, requests: list[RenderRequest]) -> Any:
    """What denoising starts from: the latents that enter the network for the first time."""
    pipeline = painter(renderer)._noise.pipeline
    network = getattr(pipeline, "unet", None) or pipeline.transformer
    seen: list[Any] = []

    def remember(module: Any, args: Any, kwargs: Any) -> None:
        seen.append((args[0] if args else kwargs["hidden_states"]).clone())

    hook = network.register_forward_pre_hook(remember, with_kwargs=True)
    try:
        renderer.render(requests)
    finally:
        hook.remove()
    return seen[0][: renderer.batch_size]


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3", "flux", "pixart", "sana"])
def test_the_same_seed_gives_the_same_noise_in_any_batch(family: str, models: dict[str, Path]) -> None:
    four, two = started(models[family]), started(models[family], batch_size=2)
    whole = noise_of(four, [ask(four, seed=seed) for seed in (5, 6, 7, 8)])
    pair = noise_of(two, [ask(two, seed=seed, prompt="glass") for seed in (7, 9)])
    assert torch.equal(whole[2], pair[0])
    assert not torch.equal(whole[2], whole[3])


def test_pixels_of_different_batch_sizes_agree(models: dict[str, Path]) -> None:
    one, four = started(models["sdxl"], batch_size=1), started(models["sdxl"])
    requests = [ask(one, seed=seed) for seed in range(3)]
    assert max(map(apart, one.render(requests), four.render(requests))) <= TOLERANCE
    assert one.identity() != four.identity()


def test_every_batch_has_the_same_shape(models: dict[str, Path]) -> None:
    renderer = started(models["sd15"], guidance=1.0)
    shapes = []
    network = painter(renderer)._noise.pipeline.unet
    network.register_forward_pre_hook(lambda module, args: shapes.append(tuple(args[0].shape)))
    renderer.render([ask(renderer, seed=seed) for seed in range(5)])
    assert set(shapes) == {(4, 4, SIDE // 2, SIDE // 2)}


@pytest.mark.parametrize(("guidance", "rows"), [(5.0, 8), (1.0, 4), (0.0, 4)])
def test_without_guidance_nothing_is_computed_twice(guidance: float, rows: int, models: dict[str, Path]) -> None:
    renderer = started(models["sdxl"], guidance=guidance)
    sizes: list[int] = []
    painter(renderer)._noise.pipeline.unet.register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    renderer.render([ask(renderer)])
    assert set(sizes) == {rows}
    assert bool(painter(renderer)._prompts._kept) == (guidance > 1)


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3", "pixart", "sana"])
def test_negative_prompts_act_and_are_embedded_once(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family], guidance=7.0)
    with_one, without = renderer.render([ask(renderer), ask(renderer, negative="")])
    assert apart(with_one, without) > 0
    kept = painter(renderer)._prompts._kept
    assert len(kept) == 2
    before = list(kept.values())
    renderer.render([ask(renderer, seed=9)])
    assert all(old is new for old, new in zip(before, kept.values(), strict=True))
