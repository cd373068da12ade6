"""`synth refilter`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synth.cli.looking import RunArgument
from synth.cli.terminal import heading, say, table

if TYPE_CHECKING:
    from collections import Counter

    from synth.run.refilter import Refiltered

_EPILOG = """
[bold]Examples[/bold]

synth refilter runs/abnormal-s0 --alignment 0.28 --dry-run

synth refilter runs/abnormal-s0 --alignment 0.28

synth refilter runs/abnormal-s0 --alignment 0.28 --set picture.min_deviation=8

synth refilter runs/abnormal-s0 --original
"""


def register(app: typer.Typer) -> None:
    app.command("refilter", rich_help_panel="Make data", epilog=_EPILOG)(refilter)


def refilter(
    run: RunArgument,
    alignment: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="What picture and text must exceed; short for alignment.threshold."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FILTER.OPTION=VALUE", help="Any option that can change later; repeatable."),
    ] = None,
    original: Annotated[bool, typer.Option("--original", help="Back to what the run itself decided.")] = False,
    plugin_dir: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Where the run's own templates and banks lie on this machine."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; write nothing.")] = False,
) -> None:
    """Decide again about a run's pictures, from recorded scores.

    No model is called. Samples move both ways: out, and back in. What the run itself decided is kept
    beside it, and dataset.jsonl is written anew. A refilter says all that differs from the
    templates: options of an earlier one do not stay."""
    from synth import api
    from synth.errors import SynthError
    from synth.run.flags import filter_options

    options = filter_options(set_ or [], {"alignment.threshold": alignment})
    if bool(options) == original:
        problem = (
            "--original goes with no other option." if original else "Nothing was said that is to be decided anew."
        )
        raise SynthError(problem, "Say --alignment 0.28, --set FILTER.OPTION=VALUE, or --original.")
    _print(api.refilter_run(run, options, plugin_dirs=plugin_dir, dry_run=dry_run), dry_run)


def _print(found: Refiltered, dry_run: bool) -> None:
    would = " would be" if dry_run else ""
    heading(f"{found.samples} samples{would} in {found.folder / 'dataset.jsonl'}: {found.layer.text}")
    if not found.new:
        say("  The run was decided so already; nothing changed.")
    rows = [
        [name, one.wanted, one.before, one.samples, _moved(one.out), _moved(one.back)]
        for name, one in found.abilities.items()
    ]
    say(table(rows, ["ability", "wanted", "samples before", "now", "dropped, by", "back, dropped by"], indent="  "))
    for name, one in found.abilities.items():
        if one.unscored:
            say(f"  {one.unscored} good ones of '{name}' have no score to decide by: not run, so they stay")
        if one.undecided:
            say(f"  {one.undecided} of '{name}' stay as they were: a filter would have to see their pictures")
    if not dry_run and any(one.samples < one.wanted for one in found.abilities.values()):
        run = shlex.quote(str(found.folder))
        heading("\nGo on, with candidates that are judged in the same way")
        say(f"  synth generate --config {run}/config.yaml --out {run}")


def _moved(by: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in by.most_common()) or "-"
