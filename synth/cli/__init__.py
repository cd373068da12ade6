"""The command line: parse, call, print. `synth --help` must stay fast, so commands import what they
need when they run; at the top of these modules only typer and the standard library are imported."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from synth import __version__
from synth.cli import abilities, generate, keywords, looking, machine, refilter, results
from synth.cli.terminal import Root, report_bug, show_warnings

_EPILOG = """
[bold]Examples[/bold]

synth doctor

synth generate --ability abnormal --n 24

synth report runs/abnormal-s0

synth export runs/abnormal-s0 --format llava --out data/abnormal

[bold]Exit codes[/bold]

0    done

1    a bug in synth

2    bad input or usage

3    stopped before all samples were made (budget, cost, early stop, too few accepted)

4    a backend, a download or the disk failed; run the same command again

5    a folder was refused: no run, locked, of another identity or version, or somebody else's

130, 143    interrupted (SIGINT, SIGTERM); what was committed is kept
"""

app = typer.Typer(
    cls=Root,
    name="synth",
    help="Make visual-instruction training data from the name of an ability: a language model writes picture "
    "prompts and dialogues, a renderer makes the pictures, filters drop what is weak.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"synth {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


generate.register(app)
looking.register(app)
results.register(app)
refilter.register(app)
abilities.register(app)
keywords.register(app)
machine.register(app)


def main() -> None:
    """The `synth` command."""
    show_warnings()
    try:
        app(prog_name="synth")
    except Exception as error:
        report_bug(error)
        sys.exit(1)
