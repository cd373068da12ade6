"""The diffusers renderer. Pictures that begin from the one before them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusing
import numpy as np
import pytest
import torch
from diffusing import LONG, TOLERANCE, apart, ask, break_pipeline, made, painter, pixels, refused, started
from PIL import Image

from synth.backends.render.base import RenderRequest
from synth.backends.render.diffusers import Diffusers
from synth.errors import SynthError
from synth.flow.blame import harmless_prompt

pytestmark = diffusing.MARKS
CAN = ["sd15", "sdxl", "sd3", "flux"]


def picture(number: int, side: int = 64) -> Image.Image:
    """Colored blocks, other ones for each number."""
    blocks = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((side, side), Image.Resampling.NEAREST)


def after(renderer: Diffusers, previous: Any = 1, strength: float = 0.5, **more: Any) -> RenderRequest:
    previous = picture(previous) if isinstance(previous, int) else previous
    return ask(renderer, previous=previous, strength=strength, **more)


def away(one: Any, other: Any) -> float:
    return float(np.abs(one - other).mean())


def image_to_image(renderer: Diffusers) -> Any:
    return painter(renderer)._way(after(renderer)).pipeline


@contextmanager
def network_calls(renderer: Diffusers) -> Iterator[list[int]]:
    pipeline, sizes = painter(renderer)._noise.pipeline, []
    network = getattr(pipeline, "unet", None) or pipeline.transformer
    hook = network.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(len(args[0] if args else kwargs["hidden_states"])), with_kwargs=True
    )
    yield sizes
    hook.remove()


def reconstructed(renderer: Diffusers, previous: Image.Image) -> Any:
    """What the autoencoder makes of a picture: as near to it as these random weights come."""
    vae = painter(renderer)._noise.pipeline.vae
    scaled = torch.from_numpy(np.asarray(previous.resize(renderer.size, Image.Resampling.LANCZOS)) / 127.5 - 1)
    with torch.inference_mode():
        out = vae.decode(vae.encode(scaled.permute(2, 0, 1)[None].float()).latent_dist.mode()).sample[0]
    return ((out.clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("family", CAN)
def test_a_picture_depends_on_its_own_seed_and_prompt_and_the_picture_before(
    family: str, models: dict[str, Path]
) -> None:
    renderer = started(models[family])
    requests = [after(renderer, 1, seed=1), after(renderer, 2, seed=1), after(renderer, 1, seed=2), ask(renderer)]
    requests.append(after(renderer, 1, seed=1, prompt="a glass hat"))
    first = renderer.render(requests)
    assert all(one.image.size == renderer.size and one.image.mode == "RGB" and not one.flaw for one in first)
    assert all(apart(first[0], other) > 10 for other in first[1:4])
    assert apart(first[0], first[4]) > 0
    for request, one in zip(requests, first, strict=True):  # alone, and so filled up with itself
        assert apart(renderer.render([request])[0], one) <= TOLERANCE


@pytest.mark.parametrize("family", CAN)
def test_strength_says_how_far_it_goes_from_the_picture_before(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family], steps=10)
    near = reconstructed(renderer, picture(1))
    far = [away(pixels(renderer.render([after(renderer, 1, strength)])[0]), near) for strength in (0.1, 0.5, 1.0)]
    assert far[0] < far[1] < far[2] and far[0] < 0.5 * far[2]


@pytest.mark.parametrize("family", CAN)
def test_only_that_part_of_the_steps_is_made_and_the_number_of_steps_is_that_of_the_first_picture(
    family: str, models: dict[str, Path]
) -> None:
    """Left to itself, SD3's image-to-image pipeline would make 50 steps where its text-to-image pipeline makes 28."""
    renderer = started(models[family], steps=None, guidance=1.0)
    with network_calls(renderer) as whole:
        renderer.render([ask(renderer)])
    with network_calls(renderer) as half:
        renderer.render([after(renderer, strength=0.5)])
    assert len(half) == len(whole) // 2


def test_guidance_is_that_of_the_first_picture(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = started(models["flux"])
    pipeline, given = image_to_image(renderer), []
    original = type(pipeline).__call__

    def call(self: Any, **arguments: Any) -> Any:
        given.append(arguments["guidance_scale"])
        return original(self, **arguments)

    monkeypatch.setattr(type(pipeline), "__call__", call)
    renderer.render([after(renderer)])
    assert given == [3.5]  # its own default is 7


@pytest.mark.parametrize("family", CAN)
def test_nothing_is_loaded_twice(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family])
    text_to_image, first = painter(renderer)._noise.pipeline, image_to_image(renderer)
    assert first is image_to_image(renderer) is not text_to_image
    assert "Img2Img" in type(first).__name__
    assert all(first.components[name] is part for name, part in text_to_image.components.items() if part is not None)


@pytest.mark.parametrize("family", CAN)
def test_requests_with_and_without_a_picture_before_share_no_batch(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family], guidance=1.0, steps=2)
    plain = [ask(renderer, seed=seed) for seed in range(3)]
    following = [after(renderer, seed, seed=seed) for seed in range(3)]
    apartly = [*renderer.render(plain), *renderer.render(following)]
    mixed = [one for pair in zip(plain, following, strict=True) for one in pair]
    with network_calls(renderer) as sizes:
        together = renderer.render(mixed)
    assert sizes == [4, 4, 4]  # two steps from noise, and of two the one that half a strength leaves
    assert max(map(apart, apartly, [*together[0::2], *together[1::2]])) <= TOLERANCE
    near, far = renderer.render([after(renderer, strength=0.5), after(renderer, strength=1.0)])
    assert apart(near, apartly[3]) > 0 and apart(near, far) > 10


def test_the_picture_before_is_scaled_to_the_size_that_is_asked_for(models: dict[str, Path]) -> None:
    renderer = started(models["sd15"], width=96, height=64)
    large = picture(1, 200)
    fitting = large.resize((96, 64), Image.Resampling.LANCZOS)
    found, expected = renderer.render([after(renderer, large), after(renderer, fitting)])
    assert found.image.size == (96, 64)
    assert apart(found, expected) <= TOLERANCE
    gray = renderer.render([after(renderer, large.convert("L"))])[0]
    assert gray.image.mode == "RGB" and apart(gray, found) > 10


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3"])
def test_emphasis_and_long_prompts_are_read_as_ever(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family], guidance=7.0)
    flat, strong = renderer.render(
        [after(renderer, prompt=text, strength=1.0) for text in ("a red fox", "a ((red fox:1.5))")]
    )
    assert apart(flat, strong) > 0
    long, longer = renderer.render([after(renderer, prompt=text, strength=1.0) for text in (LONG, LONG + " cat")])
    assert apart(long, longer) > 0
    without = renderer.render([after(renderer, prompt="a red fox", negative="", strength=1.0)])[0]
    assert apart(flat, without) > 0


def test_flagged_and_blank_pictures_get_other_seeds_and_the_same_picture_before(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = started(models["sd15"])

    def spoil(seeds: list[int], out: Any) -> Any:
        if out is not None:
            out.nsfw_content_detected = [seed == 11 for seed in seeds]
            for at, seed in enumerate(seeds):
                if seed == 12:
                    out.images[at] = float("nan")
        return out

    sizes = break_pipeline(renderer, monkeypatch, spoil, image_to_image(renderer))
    good, *again = renderer.render([after(renderer, seed=seed) for seed in (10, 11, 12)])
    assert sizes == [4, 4] and good.seed is None
    for one in again:
        assert (one.flaw, one.note, one.attempts) == ("", "", 2)
        assert apart(renderer.render([after(renderer, seed=one.seed or 0)])[0], one) <= TOLERANCE


def test_out_of_memory_halves_the_batch(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = started(models["sd15"])
    requests = [after(renderer, seed, seed=seed) for seed in range(3)]
    expected = renderer.render(requests)
    sizes = break_pipeline(
        renderer,
        monkeypatch,
        lambda seeds, out: torch.OutOfMemoryError("CUDA out of memory") if len(seeds) > 2 else out,
        image_to_image(renderer),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = renderer.render(requests)
    assert sizes == [4, 2, 2]
    assert max(map(apart, expected, found)) <= TOLERANCE
    assert {one.note for one in found} == {"batch of 2 instead of 4: out of memory"}


def test_parts_that_were_moved_into_the_gpu_are_moved_back(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hooks of `offload` are known to the pipeline that set them."""
    renderer, freed = started(models["sd15"]), []
    whole = painter(renderer)._noise.pipeline
    monkeypatch.setattr(type(whole), "maybe_free_model_hooks", lambda self: freed.append(self))
    renderer.render([after(renderer)])
    assert whole in freed


def test_after_closing_it_starts_again(models: dict[str, Path]) -> None:
    renderer = started(models["sd15"])
    first = renderer.render([after(renderer)])[0]
    renderer.close()
    assert apart(renderer.render([after(renderer)])[0], first) == 0


@pytest.mark.parametrize("family", CAN)
def test_bfloat16_draws_too_and_nothing_is_warned_of(
    family: str, models: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    renderer = started(models[family], dtype="bfloat16")
    first, *others = renderer.render([after(renderer, 1), after(renderer, 2), ask(renderer)])
    assert all(apart(first, other) > 10 for other in others)
    assert not caplog.records


# -- what is asked for and what is refused ------------------------------------------------------


def test_it_belongs_to_the_identity_only_where_it_is_set(models: dict[str, Path]) -> None:
    without, half = made(models["sd15"]).identity(), made(models["sd15"], image_to_image=0.5).identity()
    assert half == {**without, "image_to_image": 0.5} and "image_to_image" not in without


@pytest.mark.parametrize("family", ["pixart", "sana"])
def test_a_model_without_an_image_to_image_pipeline_is_refused(family: str, models: dict[str, Path]) -> None:
    with pytest.raises(SynthError, match=f"image_to_image: {family} cannot draw from another picture") as error:
        made(models[family], image_to_image=0.5)
    assert "Leave it out" in error.value.fix and "diffusers:sdxl" in error.value.fix


def test_a_model_that_edits_without_a_strength_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "FluxKontextPipeline"}))
    assert "no pipeline with a strength for a FluxKontextPipeline" in refused(tmp_path, image_to_image=0.5).message


@pytest.mark.parametrize(
    ("steps", "strength", "message", "enough"),
    [
        (1, 0.5, "0.5 of 1 step is less than one step", 2),
        (1, 0.1, "0.1 of 1 step is", 10),
        (4, 0.2, "0.2 of 4 steps is", 5),
        (3, 0.3333, "0.3333 of 3 steps is", 4),
    ],
)
def test_a_strength_that_leaves_no_step_is_refused_with_the_numbers(
    steps: int, strength: float, message: str, enough: int, models: dict[str, Path]
) -> None:
    with pytest.raises(SynthError, match=message) as error:
        made(models["sd15"], steps=steps, image_to_image=strength)
    assert f"at least {enough} steps (--set render_settings.steps={enough})" in error.value.fix
    renderer = started(models["sd15"], steps=enough, image_to_image=strength)
    assert renderer.render([after(renderer, strength=strength)])[0].image.size == renderer.size


def test_a_strength_that_leaves_no_step_of_the_pipelines_own_number_is_refused(models: dict[str, Path]) -> None:
    with pytest.raises(SynthError, match=r"0\.01 of 28 steps"):
        made(models["sd3"], steps=None, image_to_image=0.01)


def test_an_option_that_only_the_first_picture_could_have_is_refused(models: dict[str, Path]) -> None:
    made(models["sd15"], options={"guidance_rescale": 0.7})
    with pytest.raises(SynthError, match="with image_to_image the pipeline of sd15 has no option 'guidance_rescale'"):
        made(models["sd15"], options={"guidance_rescale": 0.7}, image_to_image=0.5)


def test_a_scheduler_that_cannot_begin_from_a_picture_is_refused(models: dict[str, Path]) -> None:
    error = refused(models["sd3"], scheduler="UniPCMultistepScheduler", image_to_image=0.5)
    assert "UniPCMultistepScheduler cannot begin from a picture" in error.message
    assert "FlowMatchEulerDiscreteScheduler" in error.fix
    for family in ("sd15", "sdxl"):
        renderer = started(models[family], scheduler="UniPCMultistepScheduler", image_to_image=0.5)
        assert apart(*renderer.render([after(renderer), ask(renderer)])) > 10


def test_requests_compare_by_their_pictures_and_can_be_hashed(models: dict[str, Path]) -> None:
    renderer = made(models["sd15"])
    one, same, other = after(renderer, 1), after(renderer, 1), after(renderer, 2)
    assert one == same != other and hash(one) == hash(same)


def test_a_harmless_prompt_begins_from_no_picture(models: dict[str, Path]) -> None:
    assert harmless_prompt(after(made(models["sd15"]))).previous is None
