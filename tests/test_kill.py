"""Kill -9 at random moments loses, doubles and changes nothing (tests/killing.py is the long form)."""

from __future__ import annotations

from pathlib import Path

from tests.doubles import interleaved_template, multi_template, plugin_dir
from tests.killing import compare


def test_kill_and_resume_give_the_same_bytes(tmp_path: Path) -> None:
    compare(kills=4, n=250, llm="scripted", renderer="preview", ability="animal", work=tmp_path)


def test_samples_of_several_pictures_are_whole_or_not_there(tmp_path: Path) -> None:
    """In the middle of four pictures, too: `compare` finds pictures without a row and rows without a picture."""
    plugins = plugin_dir(tmp_path / "plugins", "pair", multi_template)
    plugin_dir(plugins, "steps", interleaved_template)
    flags = ("--plugin-dir", str(plugins), "--set", "render_settings.width=64", "--set", "render_settings.height=64")
    compare(3, 80, "scripted", "preview", "pair,steps,animal", tmp_path, 1, *flags)
