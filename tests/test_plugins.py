"""What strangers add: a pip package through entry points, and a folder of data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from synth import plugins
from synth.catalog import Catalog
from synth.errors import SynthError
from synth.ledger import Ledger
from tests.doubles import plugin_dir, rows

HERE = Path(__file__).parent


def synth(*arguments: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with more packages on its path."""
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    command = [sys.executable, "-m", "synth.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


def generate(out: Path, ability: str, *more: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    flags = ["--ability", ability, "--n", 6, "--llm", "scripted", "--renderer", "none", "--out", out]
    return synth("generate", *flags, *more, path=path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stranger's package, installed by pip from a copy of its source."""
    base = tmp_path_factory.mktemp("package")
    shutil.copytree(HERE / "plugin_package", base / "source")
    target = base / "target"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--disable-pip-version-check", "--target", str(target), str(base / "source")],
        check=True, capture_output=True,
    )  # fmt: skip
    return target


def test_a_package_adds_an_ability_and_a_filter(installed: Path, tmp_path: Path) -> None:
    assert "acme_toy" not in Catalog().names()
    listed = synth("abilities", path=installed).stdout
    assert "acme_toy" in listed
    assert "acme-synth" in listed
    done = generate(tmp_path / "run", "acme_toy", "--n", 11, path=installed)  # ten of the toys have no hat
    assert done.returncode == 0, done.stderr
    made = rows(tmp_path / "run")
    assert len(made) == 11
    subjects = {row["provenance"]["plan"]["subject"] for row in made}
    assert not any("hat" in subject for subject in subjects)
    assert made[0]["provenance"]["template"]["filters"] == {"length": 1, "acme_no_hats": 3}
    assert made[0]["scores"]["acme_no_hats.prompt"] == 0
    ledger = Ledger(tmp_path / "run", read_only=True)
    assert {end[:3] for end in ledger.funnel()} >= {("acme_toy", "rejected", "acme_no_hats")}


def test_its_template_passes_the_check(installed: Path) -> None:
    done = synth("abilities", "check", installed / "acme_synth/templates/acme_toy.yaml", path=installed)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_the_package_its_run_is_refused_by_name(installed: Path, tmp_path: Path) -> None:
    assert generate(tmp_path / "run", "acme_toy", path=installed).returncode == 0
    done = generate(tmp_path / "run", "acme_toy")
    assert done.returncode == 2
    assert "There is no ability 'acme_toy'" in done.stderr


# -- broken packages --------------------------------------------------------------------------


def broken_package(folder: Path) -> Path:
    """A package all of whose plugins raise when they are imported."""
    info = folder / "broken_synth-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-synth\nVersion: 1.0\n")
    groups = ("abilities", "keyword_banks", "filters", "llms", "renderers", "scorers", "exporters")
    lines = [f"[synth.{group}]\nbroken_{group} = broken_synth:Thing" for group in groups]
    lines[0] = lines[0].replace(":Thing", "")
    lines[1] = lines[1].replace(":Thing", "")
    (info / "entry_points.txt").write_text("\n".join(lines))
    (folder / "broken_synth.py").write_text("raise RuntimeError('made for another version')\n")
    return folder


def test_broken_plugins_are_named_and_skipped(tmp_path: Path) -> None:
    broken = broken_package(tmp_path / "site")
    done = generate(tmp_path / "run", "animal", path=broken)
    assert done.returncode == 0, done.stderr
    assert len(rows(tmp_path / "run")) == 6
    for name in ("broken_abilities", "broken_keyword_banks", "broken_filters"):
        assert name in done.stderr
    assert "broken-synth" in done.stderr
    assert "made for another version" in done.stderr
    assert "Traceback" not in done.stderr
    assert synth("abilities", path=broken).returncode == 0
    doctor = synth("doctor", path=broken)
    assert doctor.returncode == 0, doctor.stderr
    assert "broken_llms" in doctor.stdout


def test_using_a_broken_plugin_says_whose_it_is(tmp_path: Path) -> None:
    broken = broken_package(tmp_path / "site")
    done = generate(tmp_path / "run", "animal", "--llm", "broken_llms", path=broken)
    assert done.returncode == 2
    assert "--llm broken_llms: The language model 'broken_llms' of the package 'broken-synth'" in done.stderr
    assert "RuntimeError: made for another version" in done.stderr
    assert not (tmp_path / "run").exists()


class Distribution:
    def __init__(self, name: str) -> None:
        self.name = name


def point(name: str, owner: str) -> EntryPoint:
    made = EntryPoint(name, "math", "synth.filters")
    vars(made)["dist"] = Distribution(owner)
    return made


def test_what_is_no_plugin_is_reported_by_name_and_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point("odd", "acme-hats")])
    plugins.discover.cache_clear()
    try:
        for group in ("synth.filters", "synth.renderers", "synth.exporters"):
            loaded, [problem] = plugins.load_all(group)  # the module math
            assert not loaded
            assert "the package 'acme-hats' registers as" in problem and "'odd' is none" in problem
    finally:
        plugins.discover.cache_clear()


def test_nobody_replaces_a_built_in_plugin_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        point("length", "aaa-hats"),
        point("length", "synth-vlit"),
        point("new", "zzz"),
        point("new", "aaa"),
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)
    plugins.discover.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = plugins.discover("synth.filters")
        assert {name: plugins._owner(one) for name, one in found.items()} == {
            "length": "synth-vlit",
            "new": "aaa",
        }
        told = sorted(str(one.message) for one in caught)
        assert len(told) == 2
        assert "'length' of the package 'aaa-hats' is ignored: 'synth-vlit' already" in told[0]
    finally:
        plugins.discover.cache_clear()


def test_a_package_cannot_shadow_a_built_in_template_unseen(tmp_path: Path) -> None:
    info = tmp_path / "aaa-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[synth.abilities]\naaa = aaa_templates\n")
    (tmp_path / "aaa_templates").mkdir()
    (tmp_path / "aaa_templates" / "__init__.py").touch()
    (tmp_path / "aaa_templates" / "color.yaml").write_text("nothing: useful\n")
    done = synth("abilities", "color", path=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'color' of the package 'aaa' is ignored: 'synth-vlit' already provides it" in done.stderr


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(SynthError) as error:
        plugins.load("synth.llms", "scriptd")
    assert "There is no language model 'scriptd'" in error.value.message
    assert "Did you mean 'scripted'?" in error.value.fix


# -- a folder of data -------------------------------------------------------------------------


def test_two_files_are_an_ability(tmp_path: Path) -> None:
    plan = {
        "subject": {"bank": "thing"},
        "oddity": {"values": ["made of glass", "very small"]},
        "camera": {"values": ["photo"]},
    }
    folder = plugin_dir(tmp_path / "mine", plan=plan)
    for bank in ("odd", "task"):
        (folder / "keyword_banks" / f"{bank}.txt").unlink()
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 2
    done = generate(tmp_path / "run", "tiny", "--plugin-dir", folder)
    assert done.returncode == 0, done.stderr
    made = rows(tmp_path / "run")
    assert {row["provenance"]["plan"]["subject"] for row in made} == {
        "red fox", "barn owl", "giraffe", "teapot", "bicycle", "lantern",
    }  # fmt: skip
    assert str(tmp_path) not in json.dumps(made)


def test_code_in_a_plugin_dir_is_never_run(tmp_path: Path) -> None:
    folder = plugin_dir(tmp_path / "mine")
    for sub in ("", "templates", "keyword_banks", "filters"):
        (folder / sub).mkdir(exist_ok=True)
        for name in ("__init__.py", "evil.py", "conftest.py"):
            (folder / sub / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert generate(tmp_path / "run", "tiny", "--plugin-dir", folder).returncode == 0
    assert not (tmp_path / "ran").exists()
