"""The diffusers renderer. Settings over presets over the model, and what of them is the identity."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import diffusing
import pytest
import torch
from diffusing import apart, ask, made, painter, started
from pipelines import SIDE

from synth.backends.render.base import RenderSettings
from synth.backends.render.diffusers import Diffusers, device
from synth.errors import SynthError

pytestmark = diffusing.MARKS


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
    assert type(painter(found)._noise.pipeline.scheduler).__name__ == "EulerDiscreteScheduler"
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


def test_the_repeated_blocks_are_compiled(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_attention_by_name(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def processors(**settings: Any) -> set[str]:
        network = painter(started(models["sd15"], **settings))._noise.pipeline.unet
        return {type(one).__name__ for one in network.attn_processors.values()}

    assert processors(attention="sdpa") == processors() == {"AttnProcessor2_0"}
    monkeypatch.setattr(device, "xformers", lambda: (False, "it was built for another torch"))
    for name in ("xformers", "no-such-backend"):
        with pytest.raises(SynthError, match=rf"render_settings\.attention: '{name}' cannot be used"):
            started(models["sd15"], attention=name)


@pytest.mark.parametrize(
    ("options", "message", "fix"),
    [
        ({"eta_": 0.5}, "sd15 has no option 'eta_'", "eta, guidance_rescale"),
        ({"num_images_per_prompt": 2}, "num_images_per_prompt is decided by synth", "Leave it out"),
        ({"clip_skip": 2}, "clip_skip is decided by synth", "Leave it out"),
    ],
)
def test_options_that_the_pipeline_does_not_take_or_that_are_ours(
    options: dict[str, Any], message: str, fix: str, models: dict[str, Path]
) -> None:
    with pytest.raises(SynthError, match=message) as error:
        made(models["sd15"], options=options)
    assert fix in error.value.fix


def test_a_folder_has_no_revisions(models: dict[str, Path]) -> None:
    with pytest.raises(SynthError, match=r"render_settings\.revision: .* is a folder"):
        made(models["sd15"], revision="main")
