"""Presets: data that users add to, and what an argument of --renderer diffusers means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from synth.backends.render.diffusers.presets import Preset, built_in, choose, fitting, load
from synth.errors import SynthError


def test_the_built_in_ones_are_complete_and_pinned() -> None:
    known = built_in()
    assert {"sd15", "sdxl", "sdxl-turbo", "sd35-medium", "flux-schnell", "sana"} <= set(known)
    for name, preset in known.items():
        assert re.fullmatch(r"[0-9a-f]{40}", preset.revision or ""), name
        assert preset.licence and preset.title and preset.width and preset.steps and preset.memory, name
    assert all("gated" not in one.title and "Non-Commercial" not in one.licence for one in known.values() if one.auto)


def test_the_docs_list_every_preset() -> None:
    text = (Path(__file__).parents[2] / "docs/renderers.md").read_text()
    missing = [name for name in built_in() if f"| `{name}` |" not in text]
    assert not missing


@pytest.mark.parametrize(("memory", "name"), [(80, "sdxl"), (15, "sdxl"), (12, "sd15"), (4, "sd15"), (0, "sd15")])
def test_auto_takes_what_fits(memory: float, name: str) -> None:
    assert fitting(built_in(), memory) == name
    assert choose("", built_in(), memory)[0] == name


def test_an_argument_is_a_preset_a_folder_or_a_name_of_the_hub(tmp_path: Path) -> None:
    known = built_in()
    assert choose("sd15", known, 0) == ("sd15", known["sd15"])
    assert choose("stabilityai/sdxl-turbo", known, 0)[0] == "sdxl-turbo"
    assert choose(str(tmp_path), known, 0) == ("", Preset(model=str(tmp_path)))
    assert choose("./nowhere", known, 0) == ("", Preset(model="nowhere"))
    assert choose("somebody/something", known, 0) == ("", Preset(model="somebody/something"))
    with pytest.raises(SynthError, match="no preset 'sdxxl'") as error:
        choose("sdxxl", known, 0)
    assert "Did you mean 'sdxl'?" in error.value.fix


def test_own_presets_add_to_the_built_in_ones_and_hide_them(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text("mine: {model: me/mine, steps: 9}\nsd15: {model: me/better}\n")
    known = load(own)
    assert known["mine"].steps == 9
    assert known["sd15"].model == "me/better"
    assert known["sdxl"] == built_in()["sdxl"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mine: {model: a/b, setps: 3}", "mine: setps: there is no such field"),
        ("mine: {steps: 3}", "mine: model:"),
        ("mine: {model: a/b, steps: 0}", "mine: steps:"),
        ("- mine", "not a mapping"),
        ("mine: 3", "not a mapping"),
        ("mine: {model: a/b\n", "not valid YAML"),
        ("mine: {model: a/b}\nmine: {model: a/c}", "there twice"),
    ],
)
def test_a_wrong_file_names_preset_and_field(text: str, named: str, tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text(text)
    with pytest.raises(SynthError) as error:
        load(own)
    assert str(own) in error.value.message and named in error.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match=r"nowhere\.yaml cannot be read"):
        load(tmp_path / "nowhere.yaml")
