"""The library interface: what the commands do, as functions. See docs/library.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth.config import load_config
from synth.export import export_run as _export_run
from synth.report import write_report as _write_report
from synth.run.dataset import read_dataset
from synth.run.generate import Summary, Watch, no_watch
from synth.run.generate import generate as _generate
from synth.run.generate import render as _render
from synth.run.refilter import Refiltered
from synth.run.refilter import refilter as _refilter
from synth.run.stop import run_blocking

__all__ = ["Summary", "export_run", "generate", "read_dataset", "refilter_run", "render_run", "write_report"]


def generate(
    abilities: Mapping[str, int],
    *,
    config: str | Path | None = None,
    watch: Watch = no_watch,
    **settings: Any,
) -> Summary:
    """Make a data set: `generate({"abnormal": 24}, seed=7, llm="scripted", out="runs/x")`.

    `settings` are the fields of `RunConfig`; nested ones as dicts or dotted keys
    (`**{"llm_settings.temperature": 0.9}`). Goes on where an earlier call on the same folder stopped.

    Raises:
        SynthError: what is wrong and what to do; whatever was committed is kept.
    """
    flags = {"abilities": dict(abilities) if isinstance(abilities, Mapping) else abilities, **settings}
    merged = load_config(Path(config) if config else None, flags)
    return run_blocking(_generate(merged, watch))


def render_run(
    run: str | Path,
    *,
    renderer: str = "auto",
    scorer: str = "auto",
    plugin_dirs: list[Path] | None = None,
    watch: Watch = no_watch,
    **render_settings: Any,
) -> Summary:
    """Render a text-only run later, perhaps on another machine; `plugin_dirs` are the folders of its
    own templates and banks there."""
    return run_blocking(_render(Path(run), renderer, scorer, render_settings, watch, plugin_dirs))


def refilter_run(
    run: str | Path,
    options: Mapping[str, Mapping[str, Any]],
    *,
    plugin_dirs: list[Path] | None = None,
    dry_run: bool = False,
) -> Refiltered:
    """Decide again about a run's candidates from recorded scores: `refilter_run("runs/x", {"alignment":
    {"threshold": 0.28}})`; `{}` is what the run itself decided. Calls no model."""
    return _refilter(Path(run), options, plugin_dirs, dry_run)


def export_run(
    run: str | Path,
    format: str,
    out: str | Path,
    *,
    allow_preview: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run in a trainer's format; returns the main file. `options` are the format's: `{"collage": True}`."""
    return _export_run(Path(run), format, Path(out), allow_preview=allow_preview, options=options)


def write_report(run: str | Path, out: str | Path | None = None) -> Path:
    """Write the HTML page about a run; returns its path."""
    return _write_report(Path(run), Path(out) if out else None)
