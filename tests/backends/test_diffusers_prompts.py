"""The diffusers renderer. What of a prompt reaches the model: emphasis, long prompts, negative ones."""

from __future__ import annotations

import inspect
from pathlib import Path

import diffusing
import pytest
import torch
from diffusing import LONG, TOLERANCE, apart, ask, embedded, painter, started

from synth.backends.render.diffusers.prompts import ClipPrompts
from synth.backends.render.emphasis import fragments

pytestmark = diffusing.MARKS


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3"])
def test_without_emphasis_embeddings_are_those_of_diffusers(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family], guidance=7.0)
    ours = embedded(renderer, "a red fox, snow", "blurry")
    pipeline = painter(renderer)._noise.pipeline
    more = {"sd15": (), "sdxl": (None,), "sd3": (None, None)}[family]
    with torch.inference_mode():
        theirs = pipeline.encode_prompt(
            "a red fox, snow", *more, device="cpu", num_images_per_prompt=1,
            do_classifier_free_guidance=True, negative_prompt="blurry",
        )  # fmt: skip
    names = ["prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds"]
    assert len(theirs) == len(ours)
    for name, their in zip(names, theirs, strict=False):
        torch.testing.assert_close(ours[name], their, msg=name)


def test_an_empty_negative_prompt_is_zeros_where_the_model_was_trained_so(models: dict[str, Path]) -> None:
    renderer = started(models["sdxl"], guidance=7.0)
    found = embedded(renderer, "a red fox")
    assert painter(renderer)._noise.pipeline.config.force_zeros_for_empty_prompt
    assert not found["negative_prompt_embeds"].any() and not found["negative_pooled_prompt_embeds"].any()


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3"])
def test_emphasis_changes_the_tokens_it_stands_around_and_no_others(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family])
    flat = embedded(renderer, "a red fox in snow")["prompt_embeds"][0, :77]
    strong = embedded(renderer, "a ((red fox)) in snow")["prompt_embeds"][0, :77]
    changed = (flat != strong).any(dim=1).nonzero().flatten().tolist()
    assert changed == [2, 3]  # begin, a, red, fox, in, snow, end ...
    weaker = embedded(renderer, "a (red fox:0.5) in snow")["prompt_embeds"][0, :77]
    assert (flat != weaker).any(dim=1).nonzero().flatten().tolist() == [2, 3]


def test_the_weight_of_a_token_is_its_distance_from_no_text(models: dict[str, Path]) -> None:
    renderer = started(models["sd15"])
    empty, flat, strong = (
        embedded(renderer, text)["prompt_embeds"][0] for text in ("", "a red fox", "a (red:1.5) fox")
    )
    torch.testing.assert_close(strong[2] - empty[2], 1.5 * (flat[2] - empty[2]))


def test_emphasis_shows_in_the_picture_and_brackets_do_not_reach_the_tokenizer(models: dict[str, Path]) -> None:
    renderer = started(models["sd15"])
    flat, strong = renderer.render([ask(renderer, "a red fox"), ask(renderer, "a ((red)) fox")])
    assert apart(flat, strong) > 0
    prompts = painter(renderer)._prompts
    assert isinstance(prompts, ClipPrompts)
    (window,) = prompts._encoders[0].windows(fragments("a ((red)) fox"))
    assert window.ids == prompts._encoders[0].windows(fragments("a red fox"))[0].ids
    assert window.weights == pytest.approx([1, 1.21, 1])


@pytest.mark.parametrize("family", ["flux", "pixart", "sana"])
def test_emphasis_is_stripped_where_no_clip_reads_it(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family])
    flat, strong = renderer.render([ask(renderer, "a red fox"), ask(renderer, "a ((red fox:1.2))")])
    assert apart(flat, strong) <= TOLERANCE


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3"])
def test_long_prompts_take_several_windows(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family], guidance=7.0)
    short, long = embedded(renderer, "a red fox"), embedded(renderer, LONG)
    t5 = 256 if family == "sd3" else 0
    windows = (long["prompt_embeds"].shape[1] - t5) // 77
    assert short["prompt_embeds"].shape[1] == 77 + t5
    assert windows == 3
    assert long["negative_prompt_embeds"].shape == long["prompt_embeds"].shape
    changed_end = embedded(renderer, LONG + " cat")["prompt_embeds"]
    assert (changed_end != long["prompt_embeds"]).any()  # the last word is read
    rendered = renderer.render([ask(renderer, LONG), ask(renderer, "a red fox")])
    assert apart(rendered[1], renderer.render([ask(renderer, "a red fox")])[0]) <= TOLERANCE
    assert not rendered[0].note


def test_a_long_negative_prompt_is_read_to_its_end(models: dict[str, Path]) -> None:
    renderer = started(models["sd15"], guidance=7.0)
    found = embedded(renderer, "a red fox", LONG)
    assert found["prompt_embeds"].shape == found["negative_prompt_embeds"].shape == (1, 231, 32)


def test_windows_are_cut_behind_a_comma(models: dict[str, Path]) -> None:
    renderer = started(models["sd15"])
    prompts = painter(renderer)._prompts
    assert isinstance(prompts, ClipPrompts)
    clip = prompts._encoders[0]
    comma = clip._tokenizer(",", add_special_tokens=False).input_ids[0]
    first, *_ = clip.windows(fragments(LONG))
    assert first.ids[-1] == comma and len(first.ids) <= 75
    assert [len(one.ids) for one in clip.windows(fragments("fox " * 80))] == [75, 5]
    assert [len(one.ids) for one in clip.windows(fragments("fox " * 75))] == [75]


@pytest.mark.parametrize("family", ["pixart", "sana"])
def test_masked_prompts_are_embedded_as_their_pipeline_does(family: str, models: dict[str, Path]) -> None:
    """SANA puts an instruction before a prompt, and none before a negative one."""
    renderer = started(models[family], guidance=7.0)
    ours = embedded(renderer, "a ((red fox)), snow", "blurry")
    pipeline, given = painter(renderer)._noise.pipeline, {}
    if family == "sana":
        default = inspect.signature(type(pipeline).__call__).parameters["complex_human_instruction"].default
        given = {"complex_human_instruction": default}
    with torch.inference_mode():
        theirs = pipeline.encode_prompt(["a red fox, snow"], True, ["blurry"], max_sequence_length=300, **given)
    names = ["prompt_embeds", "prompt_attention_mask", "negative_prompt_embeds", "negative_prompt_attention_mask"]
    for name, their in zip(names, theirs, strict=True):
        torch.testing.assert_close(ours[name], their, msg=name)


@pytest.mark.parametrize(("family", "room"), [("pixart", 77), ("sana", 300)])
def test_what_a_model_cannot_read_is_noted(family: str, room: int, models: dict[str, Path]) -> None:
    renderer = started(models[family])
    long, short = renderer.render([ask(renderer, f"{LONG}, {LONG}"), ask(renderer)])
    assert f"the model reads {room} of the prompt's" in long.note
    assert short.note == ""
