"""`export.json` and `README.md` of an export: what it is made of, so that the folder can travel alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synth import __version__
from synth.errors import SynthError
from synth.export.base import Export, Exported
from synth.export.folder import MADE_BY, MARK_FILE
from synth.export.survey import samples_that
from synth.ledger import Ledger, is_run
from synth.run.folder import frozen_config

README_FILE = "README.md"


def describe(export: Export, result: Exported) -> None:
    """Write both files. They hold no times and no machine paths: equal runs give equal exports."""
    if not (export.folder / result.main).is_file():
        raise SynthError(f"The export format '{export.format}' did not write {result.main!r}.", "Report this.")
    facts = summary(export, result)
    with export.text_file(README_FILE) as file:
        file.write(_readme(facts, result))
    facts["files"] = sorted([MARK_FILE, *(path.name for path in export.folder.iterdir())])
    with export.text_file(MARK_FILE) as file:
        file.write(json.dumps(facts, indent=2) + "\n")


def summary(export: Export, result: Exported) -> dict[str, Any]:
    """Counts, models, marks and licences of what was exported."""
    found = export.survey
    made_by = {role: list(kept.values()) for role, kept in found.made_by.items()}
    return {
        "made_by": MADE_BY,
        "synth": __version__,
        "format": export.format,
        "main": result.main,
        **result.settings,
        "samples": export.written,
        "pictures": export.pictures,
        "collages": export.collages,
        "abilities": dict(sorted(found.abilities.items())),
        "forms": dict(sorted(found.forms.items())),
        "stages": dict(sorted(found.stages.items())),
        "picture_origins": dict(sorted(found.origins.items())),
        "synthetic": found.synthetic,
        "preview": found.previews,
        "scripted": found.scripted,
        "filters_not_run": dict(sorted(found.not_run.items())),
        "run": _run_facts(found.run),
        "models": {role: made_by.get(role, []) for role in ("llm", "renderer", "scorer")},
        "templates": made_by.get("template", []),
        "synth_of_samples": made_by.get("synth", []),
        "notes": list(result.notes),
        "licences": dict(sorted(found.licences.items())),
        "attribution": dict(sorted(export.attributions.items())),
    }


def _run_facts(run: Path) -> dict[str, Any]:
    """Seed and dialogue kind, and how many samples were asked for, where the run is at hand."""
    if not is_run(run):
        return {}
    try:
        config = frozen_config(Ledger(run, read_only=True))
    except SynthError:  # a data set can outlive its ledger
        return {}
    return {
        "seed": config.seed,
        "dialogue": config.dialogue,
        "asked_for": dict(sorted(config.abilities.items())),
    }


def _readme(facts: dict[str, Any], result: Exported) -> str:
    asked = sum(facts["run"].get("asked_for", {}).values())
    lines = [
        f"# {facts['samples']} samples for {_counted(facts['abilities'], 12)}",
        "",
        f"Written by synth {facts['synth']} in the format `{facts['format']}`; `{MARK_FILE}` has the same as data.",
        "",
        "    # in this folder",
        *(f"    {line}" for line in result.usage.splitlines()),
        "",
        "## What to know before training",
        "",
        f"- {facts['synthetic']} of {facts['samples']} samples are synthetic: "
        "texts and pictures were made by the models below.",
    ]
    if facts["preview"]:
        previews = samples_that(facts["preview"], "has preview pictures", "have preview pictures")
        lines.append(f"- **{previews}**: clip art composed to look at a run, not training data.")
    if facts["collages"]:
        lines.append(f"- {samples_that(facts['collages'], 'shows', 'show')} a collage in place of several pictures.")
    if facts["scripted"]:
        scripted = samples_that(facts["scripted"], "has scripted texts", "have scripted texts")
        lines.append(f"- **{scripted}**: no language model wrote them.")
    if asked > facts["samples"]:
        lines.append(f"- **The run is incomplete**: {asked} samples were asked for, {facts['samples']} are here.")
    for name, count in facts["filters_not_run"].items():
        lines.append(f"- The filter `{_plain(name)}` could not judge {count} samples; they are unchecked by it.")
    lines += [f"- {note}" for note in result.notes]
    lines += ["", "## Made by", ""]
    for role, title in (("llm", "Texts"), ("renderer", "Pictures"), ("scorer", "Picture-text scores")):
        for one in facts["models"][role]:
            lines.append(f"- {title}: `{_plain(_model(one))}`")
    for one in facts["templates"]:
        lines.append(f"- Template: `{_plain(_model(one))}`")
    if facts["run"]:
        lines.append(f"- Seed {facts['run']['seed']}, dialogue kind `{facts['run']['dialogue']}`")
    lines += ["", "## Licences and attribution", ""]
    for text, count in facts["attribution"].items():
        lines.append(f"- {count} pictures: {_plain(text)}")
    for text, count in facts["licences"].items():
        lines.append(f"- {count} samples: {_plain(text)}")
    lines.append(
        "- What a model wrote or drew is also under the terms of that model's licence; the models are named above."
    )
    return "\n".join(lines) + "\n"


def _counted(counts: dict[str, int], most: int) -> str:
    parts = [f"{_plain(name)} ({count})" for name, count in counts.items()]
    more = f" and {len(parts) - most} more abilities" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def _model(one: Any) -> str:
    if isinstance(one, dict):
        return ", ".join(f"{key}: {value}" for key, value in one.items() if not isinstance(value, dict | list))
    return str(one)


def _plain(text: str) -> str:
    """One line without the signs that Markdown or HTML would act on."""
    return "".join(c for c in " ".join(str(text).split()) if c.isprintable() and c not in "`<>|*[]")[:300]
