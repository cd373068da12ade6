"""Whole runs with a real diffusers pipeline: rows, marks, resuming in the middle of a batch, what is rejected."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusing
import pytest
import torch
from PIL import Image
from pipelines import sd15

from synth.backends.render.base import Rendered, RenderRequest
from synth.backends.render.diffusers import Diffusers
from synth.config import load_config
from synth.errors import BackendError, RunRefused
from synth.flow.marks import TRAINED
from synth.run.doctor import diagnose
from synth.run.generate import prepare
from tests.doubles import pictures, rows, run

pytestmark = diffusing.MARKS
SMALL = {"steps": 2, "batch_size": 4}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sd15(tmp_path_factory.mktemp("models") / "tiny-sd")


def generate(out: Path, model: Path, n: int = 8, **changes: Any) -> Any:
    return run(out, n, renderer=f"diffusers:{model}", render_settings={**SMALL, **changes})


def wait_for_pictures(folder: Path) -> None:
    """Until some of what was drawn is on disk."""
    until = time.monotonic() + 60
    while len(list(folder.rglob("*.jpg"))) < 4 and time.monotonic() < until:
        time.sleep(0.05)


def test_a_run_from_prompt_to_marked_picture(tmp_path: Path, model: Path) -> None:
    assert generate(tmp_path, model).samples == 8
    found = rows(tmp_path)
    assert len(found) == 8
    for row in found:
        (image,) = row["images"]
        assert (image["width"], image["height"], image["origin"], image["note"]) == (32, 32, "rendered", "")
        assert row["provenance"]["preview"] is False
        made_by = row["provenance"]["renderer"]
        assert (made_by["model"], made_by["batch_size"], made_by["steps"]) == ("tiny-sd", 4, 2)
        assert row["provenance"]["licence"] == "Image generated with tiny-sd"
        raw = (tmp_path / image["path"]).read_bytes()
        assert TRAINED.encode() in raw and f'synth:Seed="{image["seed"]}"'.encode() in raw
    assert str(model) not in (tmp_path / "dataset.jsonl").read_text()


@pytest.mark.parametrize("image_format", ["png", "webp"])
def test_other_file_formats(image_format: str, tmp_path: Path, model: Path) -> None:
    generate(tmp_path, model, n=2, image_format=image_format)
    for row in rows(tmp_path):
        with Image.open(tmp_path / row["images"][0]["path"]) as image:
            assert image.format == image_format.upper()
    with pytest.raises(RunRefused, match=f"pictures.image_format: {image_format} -> jpeg"):
        generate(tmp_path, model, n=2)


def test_a_changed_recipe_is_refused_by_name(tmp_path: Path, model: Path) -> None:
    generate(tmp_path, model, n=2)
    with pytest.raises(RunRefused) as error:
        generate(tmp_path, model, n=4, steps=3, batch_size=2)
    assert "renderer.steps: 2 -> 3" in error.value.message and "renderer.batch_size: 4 -> 2" in error.value.message


def test_resuming_in_the_middle_of_a_batch_changes_no_committed_picture(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tmp_path / "whole", model, n=10)
    original, calls = Diffusers.render, []

    def breaks(self: Diffusers, requests: Sequence[RenderRequest]) -> list[Rendered]:
        calls.append(len(requests))
        if len(calls) == 3:
            wait_for_pictures(tmp_path / "broken")
            raise BackendError("the power is gone")
        return original(self, requests)

    monkeypatch.setattr(Diffusers, "render", breaks)
    with pytest.raises(BackendError, match="the power is gone"):
        generate(tmp_path / "broken", model, n=10)
    monkeypatch.setattr(Diffusers, "render", original)
    before = pictures(tmp_path / "broken")
    assert 0 < len(before) < 10
    # a smaller n first: the batches of the second start are filled with other neighbours
    generate(tmp_path / "broken", model, n=max(len(before) - 1, 1))
    generate(tmp_path / "broken", model, n=10)
    after = pictures(tmp_path / "broken")
    assert {path: after[path] for path in before} == before
    whole, wanted = pictures(tmp_path / "whole"), {row["images"][0]["path"] for row in rows(tmp_path / "whole")}
    assert len(wanted) == 10 and wanted <= after.keys()  # how many more were begun is a matter of time
    assert {path: after[path] for path in wanted} == {path: whole[path] for path in wanted}  # on one machine, the bytes
    assert rows(tmp_path / "broken") == rows(tmp_path / "whole")


def test_a_deleted_picture_comes_back_as_it_was(tmp_path: Path, model: Path) -> None:
    generate(tmp_path, model, n=4)
    before = pictures(tmp_path)
    (tmp_path / sorted(before)[2]).unlink()
    assert generate(tmp_path, model, n=4).restored == 1
    assert pictures(tmp_path) == before


def test_flagged_pictures_are_rejected_with_the_reason_and_redrawn_ones_carry_their_seed(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, drawn = Diffusers.render, []

    def flags(self: Diffusers, requests: Sequence[RenderRequest]) -> list[Rendered]:
        drawn.extend(requests)
        found = []
        for one, request in zip(original(self, requests), requests, strict=True):
            if "a red" in request.prompt or request.seed % 3 == 0:
                found.append(Rendered(one.image, flaw="the model's safety checker flagged the picture"))
            else:
                found.append(Rendered(one.image, seed=123, attempts=2))
        return found

    monkeypatch.setattr(Diffusers, "render", flags)
    summary = generate(tmp_path, model, n=6)
    assert all((row["images"][0]["seed"], row["images"][0]["attempts"]) == (123, 2) for row in rows(tmp_path))
    from synth.ledger import Ledger

    ledger = Ledger(tmp_path, read_only=True)
    rejected = [one for one in ledger.candidates("animal", ("rejected",)) if one.decided_by == "picture"]
    assert rejected and summary.samples == 6
    assert {one.reason for one in rejected} == {"the model's safety checker flagged the picture"}
    assert all((tmp_path / str(one.images[0].path)).is_file() for one in rejected)


def test_nothing_of_the_model_is_loaded_before_the_folder_is_checked(tmp_path: Path, model: Path) -> None:
    config = load_config(None, {"abilities": {"animal": 2}, "llm": "scripted", "renderer": f"diffusers:{model}"})
    renderer = prepare(config).backends.renderer
    assert isinstance(renderer, Diffusers) and not renderer._painters


def test_doctor_says_what_torch_can_do() -> None:
    role = diagnose().roles["renderer"]
    lines = "\n".join(role.details["diffusers"])
    assert f"torch {torch.__version__.partition('+')[0]}" in lines and "attention: " in lines and "sdxl" in lines
