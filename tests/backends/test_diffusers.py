"""The diffusers renderer with real pipelines of random weights: batches, seeds, emphasis, memory, errors.

The pipelines lie in a temporary folder and are loaded by the code that loads real ones; all of it runs on the
CPU. On another device the same seed gives the same noise, and the pixels agree within `TOLERANCE`.
"""

from __future__ import annotations

import inspect
import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra [gpu] (pip install 'synth-vlit[gpu]'; a CPU will do)")
pytest.importorskip("diffusers", reason="needs the extra [gpu] (pip install 'synth-vlit[gpu]'; a CPU will do)")
pytest.importorskip("transformers", reason="needs the extra [gpu] (pip install 'synth-vlit[gpu]'; a CPU will do)")
pytest.importorskip("accelerate", reason="needs the extra [gpu] (pip install 'synth-vlit[gpu]'; a CPU will do)")

import numpy as np
import torch
from pipelines import FAMILIES, SIDE, inpainting

from synth.backends import device as machine
from synth.backends.device import Device
from synth.backends.render.base import Rendered, RenderRequest, RenderSettings
from synth.backends.render.diffusers import Diffusers, device, source
from synth.backends.render.diffusers.emphasis import fragments
from synth.backends.render.diffusers.painter import Painter
from synth.backends.render.diffusers.prompts import ClipPrompts
from synth.errors import BackendError, MissingExtra, SynthError

pytestmark = pytest.mark.diffusers

#: largest difference of a pixel (0 to 255) between batches of different sizes and fillings
TOLERANCE = 2
LONG = ", ".join(f"red fox in snow of glass {number}" for number in range(20))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {name: build(folder / name) for name, build in FAMILIES.items()}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def made(folder: Path, **settings: Any) -> Diffusers:
    sizes = {"width": 64, "height": 64} if folder.name == "flux" else {}  # its configuration names no size
    return Diffusers.create(str(folder), RenderSettings(**{"steps": 2, "batch_size": 4, **sizes, **settings}))


def started(folder: Path, **settings: Any) -> Diffusers:
    renderer = made(folder, **settings)
    renderer.start()
    return renderer


def painter(renderer: Diffusers) -> Painter:
    assert renderer._painter is not None
    return renderer._painter


def ask(renderer: Diffusers, prompt: str = "a ((red fox)), snow", seed: int = 1, negative: str = "blurry"):
    return RenderRequest(prompt, ("a red fox", "snow"), negative, seed, *renderer.size)


def pixels(rendered: Rendered) -> Any:
    return np.asarray(rendered.image).astype(int)


def apart(one: Rendered, other: Rendered) -> int:
    return int(np.abs(pixels(one) - pixels(other)).max())


# -- batches and seeds --------------------------------------------------------------------------


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
    pipeline = painter(renderer)._pipeline
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


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3", "flux", "pixart"])
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
    network = painter(renderer)._pipeline.unet
    network.register_forward_pre_hook(lambda module, args: shapes.append(tuple(args[0].shape)))
    renderer.render([ask(renderer, seed=seed) for seed in range(5)])
    assert set(shapes) == {(4, 4, SIDE // 2, SIDE // 2)}


@pytest.mark.parametrize(("guidance", "rows"), [(5.0, 8), (1.0, 4), (0.0, 4)])
def test_without_guidance_nothing_is_computed_twice(guidance: float, rows: int, models: dict[str, Path]) -> None:
    renderer = started(models["sdxl"], guidance=guidance)
    sizes: list[int] = []
    painter(renderer)._pipeline.unet.register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    renderer.render([ask(renderer)])
    assert set(sizes) == {rows}
    assert bool(painter(renderer)._prompts._kept) == (guidance > 1)


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3", "pixart"])
def test_negative_prompts_act_and_are_embedded_once(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family], guidance=7.0)
    with_one, without = renderer.render([ask(renderer), ask(renderer, negative="")])
    assert apart(with_one, without) > 0
    kept = painter(renderer)._prompts._kept
    assert len(kept) == 2
    before = list(kept.values())
    renderer.render([ask(renderer, seed=9)])
    assert all(old is new for old, new in zip(before, kept.values(), strict=True))


# -- emphasis and long prompts ------------------------------------------------------------------


def embedded(renderer: Diffusers, prompt: str, negative: str = "") -> Any:
    with torch.inference_mode():
        return painter(renderer)._prompts.arguments([ask(renderer, prompt, negative=negative)])


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd3"])
def test_without_emphasis_embeddings_are_those_of_diffusers(family: str, models: dict[str, Path]) -> None:
    renderer = started(models[family], guidance=7.0)
    ours = embedded(renderer, "a red fox, snow", "blurry")
    pipeline = painter(renderer)._pipeline
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
    assert painter(renderer)._pipeline.config.force_zeros_for_empty_prompt
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


@pytest.mark.parametrize("family", ["flux", "pixart"])
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


def test_what_a_model_cannot_read_is_noted(models: dict[str, Path]) -> None:
    renderer = started(models["pixart"])
    long, short = renderer.render([ask(renderer, LONG), ask(renderer)])
    assert "the model reads 77 of the prompt's" in long.note
    assert short.note == ""


# -- flagged, blank, out of memory --------------------------------------------------------------


def break_pipeline(renderer: Diffusers, monkeypatch: pytest.MonkeyPatch, change: Any) -> list[int]:
    """Let `change` spoil the pipeline's output (it gets the seeds, too) or raise. Returns the sizes of the calls."""
    pipeline = painter(renderer)._pipeline
    original, sizes = type(pipeline).__call__, []

    def call(self: Any, **arguments: Any) -> Any:
        seeds = [generator.initial_seed() for generator in arguments["generator"]]
        sizes.append(len(seeds))
        if isinstance(broken := change(seeds, None), Exception):
            raise broken
        return change(seeds, original(self, **arguments))

    call.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    monkeypatch.setattr(type(pipeline), "__call__", call)
    return sizes


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
        assert not one.flaw and "drawn 2 times" in one.note
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


# -- settings and identity ----------------------------------------------------------------------


def test_settings_go_over_presets_and_presets_over_the_model(models: dict[str, Path], tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    preset = {
        "model": str(models["sd15"]), "steps": 5, "guidance": 3.0, "width": 64, "batch_size": 2,
        "scheduler": "EulerDiscreteScheduler", "licence": "CC0", "options": {"eta": 0.5},
    }  # fmt: skip
    own.write_text(json.dumps({"mine": preset}))
    found = Diffusers.create("mine", RenderSettings(presets=own, steps=1, guidance=0.0, options={"eta": 0.0}))
    identity = found.identity()
    expected = {
        "name": "diffusers", "preset": "mine", "model": "sd15", "pipeline": "StableDiffusionPipeline", "steps": 1,
        "guidance": 0.0, "width": 64, "height": SIDE, "batch_size": 2, "dtype": "float32",
        "scheduler": "EulerDiscreteScheduler", "options": {"eta": 0.0},
    }  # fmt: skip
    assert {key: identity[key] for key in expected} == expected
    assert found.size == (64, SIDE) and found.batch_size == 2
    assert found.attribution == "Image generated with sd15 (CC0)"
    found.start()
    assert type(painter(found)._pipeline.scheduler).__name__ == "EulerDiscreteScheduler"
    assert str(tmp_path) not in json.dumps(identity)


def test_identity_follows_the_files_and_not_their_place(models: dict[str, Path], tmp_path: Path) -> None:
    copy = tmp_path / "sd15"
    shutil.copytree(models["sd15"], copy)
    (copy / "README.md").write_text("notes")
    assert made(copy).identity() == made(models["sd15"]).identity()
    weights = copy / "unet/diffusion_pytorch_model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    assert made(copy).identity()["revision"] != made(models["sd15"]).identity()["revision"]


def test_pictures_may_have_other_sizes_that_fit_the_model(models: dict[str, Path]) -> None:
    renderer = started(models["sd15"], width=96, height=64)
    assert renderer.render([ask(renderer)])[0].image.size == (96, 64)
    with pytest.raises(SynthError, match="sides that are multiples of 2, not 65 x 64") as error:
        made(models["sd15"], width=65, height=64)
    assert error.value.fix == "Use 64 x 64."


def test_compiled_blocks_draw_the_same(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: compiled.append(type(self).__name__))
    started(models["sd15"], compile=True)
    assert compiled and set(compiled) == {"BasicTransformerBlock"}


def test_closing_twice_and_starting_again(models: dict[str, Path]) -> None:
    renderer = started(models["sd15"])
    first = renderer.render([ask(renderer)])[0]
    renderer.close()
    renderer.close()
    assert apart(renderer.render([ask(renderer)])[0], first) == 0


def test_attention_by_name(models: dict[str, Path]) -> None:
    started(models["sd15"], attention="sdpa")
    with pytest.raises(SynthError, match=r"render_settings\.attention: 'xformers' cannot be used"):
        if device.xformers()[0]:
            pytest.skip("xformers loads here")
        started(models["sd15"], attention="xformers")


# -- errors: cause and fix ----------------------------------------------------------------------


def refused(argument: str | Path, **settings: Any) -> SynthError:
    with pytest.raises(SynthError) as error:
        Diffusers.create(str(argument), RenderSettings(**settings)).start()
    return error.value


def test_folders_that_are_no_pipelines(tmp_path: Path) -> None:
    assert "this folder does not exist" in refused(tmp_path / "nowhere").message
    assert "no model_index.json" in refused(tmp_path).message
    file = tmp_path / "sd.safetensors"
    file.write_bytes(b"x")
    assert "from_single_file" in refused(file).fix
    (tmp_path / "model_index.json").write_text("{")
    assert "cannot be read" in refused(tmp_path).message
    (tmp_path / "model_index.json").write_text("[]")
    assert "names no pipeline" in refused(tmp_path).message


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("StableVideoDiffusionPipeline", "its pipeline is a StableVideoDiffusionPipeline"),
        ("LTXPipeline", "its pipeline is a LTXPipeline"),
        ("FluxControlPipeline", "which draws after another picture"),
    ],
)
def test_models_that_make_no_pictures_from_text(name: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name}))
    error = refused(tmp_path)
    assert "makes no pictures from text" in error.message and why in error.message
    assert "diffusers:sdxl" in error.fix


def test_an_inpainting_model_is_found_out(tmp_path: Path) -> None:
    assert "takes 9 channels instead of 4" in refused(inpainting(tmp_path / "inpainting")).message


def test_a_damaged_weight_file_is_named(models: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(models["sd15"], folder)
    file = folder / "unet/diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    error = refused(folder)
    assert isinstance(error, BackendError)
    assert f"has a damaged weight file: {file}" in error.message
    file.unlink()
    assert "cannot be loaded" in refused(folder).message


def test_out_of_memory_while_loading(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers import AutoPipelineForText2Image

    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(AutoPipelineForText2Image, "from_pretrained", full)
    renderer = made(models["sd15"])
    renderer._device = Device("cuda", "Tiny GPU", "2.13", memory=4)
    with pytest.raises(BackendError, match="does not fit into the memory of Tiny GPU with 4 GB") as error:
        renderer.start()
    assert "render_settings.offload=true" in error.value.fix


def test_an_unknown_scheduler(models: dict[str, Path]) -> None:
    error = refused(models["sd15"], scheduler="EulerScheduler")
    assert "no scheduler 'EulerScheduler'" in error.message and "EulerDiscreteScheduler" in error.fix


def hub_error(name: str) -> Exception:
    from huggingface_hub import errors

    cls = getattr(errors, name)
    made: Exception = cls.__new__(cls)
    made.args = ("said so",)
    return made


@pytest.mark.parametrize(
    ("raised", "message", "fix"),
    [
        ("GatedRepoError", "is gated", "HF_TOKEN"),
        ("RepositoryNotFoundError", "There is no model 'some/model'", "Check the name"),
        ("RevisionNotFoundError", "has no revision 'abc'", "/commits/main"),
        ("LocalEntryNotFoundError", "the Hugging Face hub cannot be reached", "hf download some/model"),
        ("OfflineModeIsEnabled", "the Hugging Face hub cannot be reached", "its folder"),
        ("RemoteEntryNotFoundError", "has no model_index.json", "diffusers' format"),
        ("HfHubHTTPError", "cannot be looked up", "Check the connection"),
    ],
)
def test_what_the_hub_refuses(raised: str, message: str, fix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def refuse(*_: Any, **__: Any) -> None:
        raise hub_error(raised)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    error = refused("some/model", revision="abc")
    assert message in error.message and fix in error.fix


def test_offline_and_not_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTH_OFFLINE", "1")
    error = refused("nobody/nothing-at-all")
    assert "is not on this machine, and SYNTH_OFFLINE is set" in error.message
    assert "is no name of a model" in refused("a b/c").message


def test_a_model_of_the_hub_has_its_commit_as_revision(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    commit = "c" * 40
    snapshot = tmp_path / "snapshots" / commit
    shutil.copytree(models["sd15"], snapshot)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda model, name, **_: str(snapshot / name))
    identity = Diffusers.create("some/model", RenderSettings()).identity()
    assert (identity["model"], identity["revision"], identity["width"]) == ("some/model", commit, SIDE)


# -- the machine --------------------------------------------------------------------------------


@pytest.fixture
def fresh() -> Iterator[None]:
    asked = machine.find
    asked.cache_clear()
    yield
    asked.cache_clear()


def cuda(monkeypatch: pytest.MonkeyPatch, built_for: str | None, says: str, driver: bool = True) -> None:
    def available() -> bool:
        if says:
            warnings.warn(says, stacklevel=2)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", available)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    monkeypatch.setattr(machine, "_gpu_there", lambda: driver)


@pytest.mark.parametrize(
    ("built_for", "says", "message", "fix"),
    [
        ("13.0", "The NVIDIA driver on your system is too old (found version 11040).", "too old", "Update the driver"),
        (None, "", "is a build without CUDA", "pytorch.org"),
        ("13.0", "", "finds no GPU it can use", "CUDA_VISIBLE_DEVICES"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_an_error(
    built_for: str | None, says: str, message: str, fix: str, fresh: None, models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    cuda(monkeypatch, built_for, says)
    error = refused(models["sd15"])
    assert message in error.message and fix in error.fix and "render_settings.device=cpu" in error.fix
    assert Diffusers.available() == (False, error.message)
    assert not Diffusers.suits_auto()
    assert made(models["sd15"], device="cpu").identity()["dtype"] == "float32"


def test_without_a_gpu_it_runs_when_named_and_auto_leaves_it(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.run.select import options, resolve

    cuda(monkeypatch, None, "", driver=False)
    assert Diffusers.available()[0] and "no GPU" in Diffusers.available()[1]
    assert "diffusers" in {one.name for one in options("synth.renderers")}
    assert resolve("synth.renderers", "auto")[0] != "diffusers"
    assert "this machine has no NVIDIA GPU" in refused("sd15", device="cuda").message


def test_with_a_gpu_auto_takes_it_with_a_preset_that_fits(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.run.select import resolve

    monkeypatch.setattr(machine, "find", lambda: Device("cuda", "Fine GPU", "2.13", memory=24.0))
    name, why = resolve("synth.renderers", "auto")
    assert (name, why) == ("diffusers", "Fine GPU, 24 GB: preset sdxl fits")
    lines = "\n".join(Diffusers.diagnosis())
    assert "sd15 (7 GB)" in lines and "flux-schnell" not in lines


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "missing_packages", lambda: ["diffusers"])
    assert Diffusers.available() == (False, "not installed: diffusers (pip install 'synth-vlit[gpu]')")
    with pytest.raises(MissingExtra, match="synth-vlit"):
        Diffusers.create("sd15", RenderSettings())


def test_half_precision_is_for_gpus(models: dict[str, Path]) -> None:
    from synth.backends.render.diffusers import presets, recipe

    preset = presets.Preset(model=str(models["sd15"]))
    found = source.find(preset)

    def dtype(one: Device, preset: presets.Preset = preset, **settings: Any) -> str:
        return recipe.resolve("", preset, RenderSettings(**settings), found, one).dtype

    new = Device("cuda", "new", "2.13")
    old = Device("cuda", "old", "2.13", bfloat16=False)
    cpu = Device("cpu", "CPU", "2.13")
    assert [dtype(one) for one in (new, old, cpu)] == ["bfloat16", "float16", "float32"]
    assert dtype(new, preset.model_copy(update={"dtype": "float16"})) == "float16"
    assert dtype(cpu, dtype="bfloat16") == "bfloat16"


def test_bfloat16_draws_too(models: dict[str, Path]) -> None:
    renderer = started(models["sdxl"], dtype="bfloat16")
    assert painter(renderer)._pipeline.unet.dtype == torch.bfloat16
    flat, strong = renderer.render([ask(renderer, "a red fox"), ask(renderer, "a ((red fox:1.5))")])
    assert apart(flat, strong) > 0
