"""`synth render`, `synth export` and `synth report`: from a run to what is wanted of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synth.cli.looking import RunArgument
from synth.cli.terminal import say


def register(app: typer.Typer) -> None:
    app.command(
        "render",
        rich_help_panel="Make data",
        epilog="[bold]Examples[/bold]\n\n"
        "synth generate --ability abnormal --n 24 --renderer none --out runs/text\n\n"
        "synth render runs/text --renderer preview",
    )(render)
    app.command(
        "export",
        rich_help_panel="Use data",
        epilog="[bold]Examples[/bold]\n\n"
        "synth export runs/abnormal-s0 --format llava --out data/abnormal\n\n"
        "synth export runs/pairs --format llama-factory --out data/pairs\n\n"
        "synth export runs/pairs --format llava --collage --out data/collages",
    )(export)
    app.command(
        "report",
        rich_help_panel="Look at data",
        epilog="[bold]Example:[/bold] synth report runs/abnormal-s0 --out look.html",
    )(report)


def render(
    run: RunArgument,
    renderer: Annotated[
        str,
        typer.Option(metavar="SPEC", help="auto, preview, diffusers\\[:MODEL], openai-images:MODEL, or a plugin."),
    ] = "auto",
    scorer: Annotated[
        str, typer.Option(metavar="SPEC", help="auto, none, coverage, open_clip\\[:MODEL], or a plugin.")
    ] = "auto",
    width: Annotated[int | None, typer.Option(help="Picture width in pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Picture height in pixels.")] = None,
    render_base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="An OpenAI-Images-compatible endpoint.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any render_settings of docs/configuration.md; repeatable."),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="Stop at this cost of the run; needs render_settings.price.")
    ] = None,
    plugin_dir: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Where the run's own templates and banks lie on this machine."),
    ] = None,
) -> None:
    """Make the pictures of a text-only run.

    Such a run was generated with [bold]--renderer none[/bold], perhaps on another machine. In any run,
    pictures of samples that were deleted or damaged since are rendered again, with the same seeds. Can
    be stopped and continued like generate."""
    from synth.cli.progress import Watcher
    from synth.cli.summary import finish_render
    from synth.run.flags import render_settings_of
    from synth.run.generate import render as run_render
    from synth.run.stop import run_blocking

    given = {"width": width, "height": height, "base_url": render_base_url}
    settings = render_settings_of(set_ or []) | {key: value for key, value in given.items() if value is not None}
    watcher = Watcher()
    with watcher.explain_errors():
        summary = run_blocking(run_render(run, renderer, scorer, settings, watcher, plugin_dir, max_cost))
    finish_render(summary)


def export(
    run: RunArgument,
    format_: Annotated[
        str, typer.Option("--format", metavar="NAME", help="llava, llava-next, llama-factory, or a plugin.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to write; it must be new, empty, or an earlier export.")],
    allow_preview: Annotated[
        bool, typer.Option("--allow-preview", help="Export although the pictures are only previews.")
    ] = False,
    collage: Annotated[
        bool,
        typer.Option(
            "--collage", help="llava: one picture out of the images of a sample; short for --set collage=true."
        ),
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any option of the format; repeatable."),
    ] = None,
) -> None:
    """Write a run in a format that trainers load.

    Previews (composed clip art) are refused unless you allow them:
    they are there to look at and to test with."""
    from synth import api
    from synth.run.flags import settings_of

    options = settings_of([*(set_ or []), *(["collage=true"] if collage else [])])
    say(f"Wrote {api.export_run(run, format_, out, allow_preview=allow_preview, options=options)}")


def report(
    run: RunArgument,
    out: Annotated[Path | None, typer.Option(help="The file to write. Default: report.html in the run.")] = None,
) -> None:
    """Write an HTML page about a run.

    It shows samples, rejected candidates with their reasons, and statistics. Works while
    the run goes on; the page opens anywhere, offline."""
    from synth import api

    say(f"Wrote {api.write_report(run, out)}")
