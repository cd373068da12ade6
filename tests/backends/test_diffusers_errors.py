"""The diffusers renderer. Errors name a cause and a fix."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import diffusing
import pytest
import torch
from diffusing import made, refused
from pipelines import SIDE, inpainting

from synth.backends.device import Device
from synth.backends.render.base import RenderSettings
from synth.backends.render.diffusers import Diffusers
from synth.errors import BackendError

pytestmark = diffusing.MARKS


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


def test_a_refiner_is_found_out(tmp_path: Path) -> None:
    index = {"_class_name": "StableDiffusionXLImg2ImgPipeline", "requires_aesthetics_score": True}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    assert "refines the pictures of another model" in refused(tmp_path).message


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
