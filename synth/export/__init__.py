"""Writes a run in the formats that trainers load as they are.

`export_run` does what all formats share (checks, pictures, provenance, an all-or-nothing OUT); a
format is one small function in a module of its own, found through the entry points
`synth.exporters`. `synth.export.base` says how to write one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth import plugins
from synth.export.base import Export, Exporter
from synth.export.describe import describe
from synth.export.folder import whole_folder
from synth.export.options import checked_options
from synth.export.survey import survey

__all__ = ["export_run"]


def export_run(
    run: Path, format: str, out: Path, *, allow_preview: bool = False, options: Mapping[str, Any] | None = None
) -> Path:
    """Write the data set of `run` (a run folder, or a `dataset.jsonl` beside its `images/`) to `out`.

    `out` holds all of the export or, whatever happens, what it held before. Returns the main file.
    `options` are the format's own.

    Raises:
        SynthError: unknown format or option, a data set that does not fit it, previews without
            `allow_preview`, a picture that is missing or outside the run, an `out` that is not ours.
    """
    exporter: Exporter = plugins.load("synth.exporters", format)
    checked = checked_options(exporter, format, options or {})
    found = survey(run)
    found.refuse_previews(allow_preview)
    with whole_folder(out, found.run) as folder:
        export = Export(format=format, survey=found, folder=folder)
        result = exporter(export, **checked)
        describe(export, result)
    return out / result.main
