"""`synth doctor` and `synth models`: what this machine has and can run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from synth.cli.terminal import heading, note, say, size, table

_PANEL = "This machine"

group = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode="rich",
    help="Language models that synth can fetch.\n\nThey run on any machine with llama.cpp. [bold]synth "
    "generate[/bold] fetches what it needs by itself; SYNTH_OFFLINE=1 forbids downloads, SYNTH_CACHE says "
    "where they lie.",
    epilog="""
[bold]Examples[/bold]

synth models

synth models fetch qwen2.5-coder-1.5b

synth models path qwen2.5-coder-1.5b
""",
)


def register(app: typer.Typer) -> None:
    app.command("doctor", rich_help_panel=_PANEL)(doctor)
    app.add_typer(group, name="models", rich_help_panel=_PANEL)


@group.callback()
def _models(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        list_models()


@group.command("list")
def list_models() -> None:
    """List the models: name, size, licence, and whether they are on this machine."""
    from synth.backends import models

    rows = []
    for model in models.models():
        there = "here" if models.path(model.name) else "not fetched"
        rows.append([model.name, size(model.size), model.licence, there, model.title])
    say(table(rows, ["name", "size", "licence", "", "what it is"]))
    say(f"\nThey lie in {models.cache_folder() / 'models'}; fetch one with: synth models fetch NAME")


@group.command("fetch")
def fetch_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of 'synth models'.")],
) -> None:
    """Fetch a model and verify its checksum. Goes on where an earlier download stopped."""
    say(_fetch(name))


@group.command("path")
def path_of_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of 'synth models'.")],
) -> None:
    """Print where a model lies; exit code 2 if it was not fetched."""
    from synth.backends import models
    from synth.errors import SynthError

    path = models.path(name)
    if path is None:
        raise SynthError(f"The model {name} is not on this machine.", f"Fetch it with: synth models fetch {name}")
    say(path)


def provide_model(spec: str, check: Callable[[], object] = lambda: None) -> None:
    """Fetch the model that the embedded LLM needs and this machine lacks; says so first.

    `check` runs before a download starts, so that a typo is not found after a gigabyte.
    """
    from synth.run.select import resolve

    name, _, argument = resolve("synth.llms", spec)[0].partition(":")
    if name != "llamacpp":
        return
    from synth.backends import models
    from synth.backends.llm.llamacpp import DEFAULT_MODEL

    wanted = argument or DEFAULT_MODEL
    if wanted not in models.catalogue() or models.path(wanted) is not None:
        return
    check()
    _fetch(wanted)


def _fetch(name: str) -> Path:
    """Fetch with progress on stderr."""
    from synth.backends import models

    model = models.get(name)
    found = models.path(name)
    if found is not None:
        return found
    note(f"Downloading {model.title}: {size(model.size)}, licence {model.licence}")
    note(f"  to {models.cache_folder() / 'models'} (once; SYNTH_OFFLINE=1 forbids downloads)")
    with _download_progress(model.size) as progress:
        return models.fetch(name, progress)


@contextmanager
def _download_progress(total: int) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on a terminal, a line every tenth elsewhere."""
    if not sys.stderr.isatty():
        told = -1

        def tell(done: int, all_of_it: int, what: str) -> None:
            nonlocal told
            tenth = 10 * done // max(1, all_of_it)
            if tenth > told:
                told = tenth
                note(f"  {10 * tenth}% of {size(all_of_it)} ({what})")

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, _, what: bar.update(task, completed=done, description=what)


def doctor() -> None:
    """What this machine has and can run.

    Says which backends are available and why, and what [bold]auto[/bold] would pick. Loads and
    downloads nothing; always exits with 0."""
    from synth import __version__
    from synth.run.doctor import diagnose

    found = diagnose()
    heading(f"synth {__version__}")
    rows = [
        ["python", f"{found.python}, {found.system}"],
        ["cores", str(found.cores)],
        ["memory", size(found.memory)],
        ["disk free here", size(found.disk_free)],
        ["gpu", "; ".join(found.gpus) or "none (nvidia-smi is not there)"],
        ["abilities", str(found.abilities)],
    ]
    say(table(rows, indent="  "))
    heading("\nInstalled extras")
    for extra, packages in found.extras.items():
        there = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
        missing = ", ".join(name for name, version in packages.items() if version is None)
        say(f"  {extra:10}{there or 'nothing'}{f'  (missing: {missing})' if missing else ''}")
    heading("\nBackends")
    for role, one in found.roles.items():
        say(f"  {role}: auto picks {one.picked}{f' ({one.why})' if one.why else ''}")
        options = [[o.name, "available" if o.available else "no", o.why] for o in one.options]
        say(table(options, indent="    "))
        for name, lines in one.details.items():
            for line in lines:
                say(f"      {name}: {line}")
    if found.memory_plan:
        heading("\nMemory plan for what auto picks")
        for line in found.memory_plan:
            say(f"  {line}")
    if found.broken:
        heading("\nBroken plugins (skipped)")
        for problem in found.broken:
            say(f"  {problem}")
    heading("\nModels on this machine")
    for line in found.models or ["none; synth models lists what can be fetched"]:
        say(f"  {line}")
