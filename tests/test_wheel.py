"""The wheel holds what the tree holds: the mapped folders are in it, and nothing else is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAPPED = {"synth": "synth", "filters": "synth/filters", "templates": "synth/templates",
          "keyword_banks": "synth/keyword_banks"}  # fmt: skip


def pip(*arguments: object) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("wheel")
    source = base / "source"
    source.mkdir()
    for folder in MAPPED:  # a copy, so that no build leftovers are made in the tree, or taken from it
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
        else:
            (source / name).write_text("# synth\n")
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", base, source)
    [wheel] = base.glob("*.whl")
    pip("install", "--no-deps", "--no-index", "--target", base / "target", wheel)
    return base / "target"


def in_tree() -> dict[str, bytes]:
    found = {}
    for folder, place in MAPPED.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found[f"{place}/{path.relative_to(ROOT / folder)}"] = path.read_bytes()
    return found


def test_the_wheel_holds_the_tree_and_nothing_else(installed: Path) -> None:
    made = {
        str(path.relative_to(installed)): path.read_bytes()
        for path in (installed / "synth").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wanted = in_tree()
    assert sorted(set(wanted) - set(made)) == [], "not in the wheel; see [tool.setuptools] in pyproject.toml"
    assert sorted(set(made) - set(wanted)) == [], "only in the wheel"
    assert all(made[name] == content for name, content in wanted.items())
    tops = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} - {"bin"}
    assert tops == {"synth"}


def test_the_installed_wheel_works_far_from_the_tree(installed: Path, tmp_path: Path) -> None:
    code = """
import pathlib, sys
import synth
from synth.catalog import Catalog
assert synth.__file__.startswith(sys.argv[1]), synth.__file__
for name in Catalog().names():
    Catalog().ability(name)
summary = synth.generate({"animal": 2}, llm="scripted", renderer="preview", out="run",
                         render_settings={"width": 64, "height": 64})
assert summary.samples == 2
assert synth.write_report("run").exists()
"""
    subprocess.run(
        [sys.executable, "-c", code, str(installed)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)}, check=True,
    )  # fmt: skip
