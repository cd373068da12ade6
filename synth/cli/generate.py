"""`synth generate`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synth.cli.terminal import heading, say, size, table

if TYPE_CHECKING:
    from synth.backends.llm.base import Message
    from synth.config import RunConfig


class Dialogue(StrEnum):
    describe = "describe"
    chat = "chat"


class Resume(StrEnum):
    auto = "auto"
    always = "always"
    never = "never"


_WHAT, _MODELS, _LIMITS = "What to make", "Models and backends", "Limits and folders"

_EPILOG = """
[bold]Examples[/bold]

synth generate --ability abnormal --n 24

synth generate --ability abnormal=200 --ability color=100 --dialogue chat --out runs/mixed

synth generate --ability abnormal --n 5000 --llm openai:Qwen/Qwen3-8B --base-url http://localhost:8000/v1

synth generate --config run.yaml --n 50 --set pool.portion=0.5

synth generate --ability abnormal --n 24 --dry-run

Stopped (Ctrl-C, power, budget)? Run the same command again: it goes on where it was.
"""


def register(app: typer.Typer) -> None:
    app.command("generate", epilog=_EPILOG, rich_help_panel="Make data")(generate)


def generate(
    ability: Annotated[
        list[str] | None,
        typer.Option("--ability", metavar="NAME[=N]", help="What to make; may be repeated.", rich_help_panel=_WHAT),
    ] = None,
    n: Annotated[int | None, typer.Option("--n", help="Samples per ability.", rich_help_panel=_WHAT)] = None,
    dialogue: Annotated[
        Dialogue | None,
        typer.Option(
            help="describe: a question from the pool, one answer (stage 1). "
            "chat: 2 to 4 questions and answers (stage 2).",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed plans the same.", rich_help_panel=_WHAT)] = None,
    width: Annotated[int | None, typer.Option(help="Picture width in pixels.", rich_help_panel=_WHAT)] = None,
    height: Annotated[int | None, typer.Option(help="Picture height in pixels.", rich_help_panel=_WHAT)] = None,
    existing: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A run or dataset.jsonl not to repeat; repeatable.", rich_help_panel=_WHAT),
    ] = None,
    plugin_dir: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="A folder with templates/ and keyword_banks/ of your own; repeatable.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    llm: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="auto, llamacpp\\[:MODEL], openai:MODEL, scripted, or a plugin.",
            rich_help_panel=_MODELS,
        ),
    ] = None,
    renderer: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="auto, none (text only), preview, diffusers\\[:MODEL], openai-images:MODEL, or a plugin.",
            rich_help_panel=_MODELS,
        ),
    ] = None,
    scorer: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC", help="auto, none, coverage, open_clip\\[:MODEL], or a plugin.", rich_help_panel=_MODELS
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An OpenAI-compatible endpoint.", rich_help_panel=_MODELS),
    ] = None,
    render_base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An OpenAI-Images-compatible endpoint.", rich_help_panel=_MODELS),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(help="Requests in flight at the model.", rich_help_panel=_MODELS)
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Sampling.", rich_help_panel=_MODELS)] = None,
    top_p: Annotated[float | None, typer.Option(help="Sampling.", rich_help_panel=_MODELS)] = None,
    max_tokens: Annotated[int | None, typer.Option(help="The longest reply.", rich_help_panel=_MODELS)] = None,
    attempts: Annotated[
        int | None, typer.Option(help="Replies asked for until one passes.", rich_help_panel=_MODELS)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run folder. Default: runs/ABILITY-sSEED.", rich_help_panel=_LIMITS),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.yaml", help="Settings; flags beat it.", rich_help_panel=_LIMITS),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any setting of docs/configuration.md; repeatable.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    max_candidates: Annotated[
        int | None,
        typer.Option(help="Give up after this many per ability. Default: 4 x n.", rich_help_panel=_LIMITS),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(
            help="Stop at this cost; needs prices: llm_settings.price_in, price_out, render_settings.price.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    resume: Annotated[
        Resume | None,
        typer.Option(
            help="auto: go on with a run that is in the folder. always: it must be one. never: it must not.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print plans, exact prompts and an estimate; call nothing, write nothing.",
            rich_help_panel=_LIMITS,
        ),
    ] = False,
) -> None:
    """Make samples of one or more abilities.

    For each, a language model writes a picture prompt and a dialogue, a
    renderer makes the picture, and filters judge all three. Everything happens in one run folder that can
    be stopped and continued at any time."""
    from synth.run.flags import config_from_flags

    settings = config_from_flags(
        config,
        ability or [],
        n,
        set_ or [],
        {
            "dialogue": dialogue and dialogue.value,
            "seed": seed,
            "render_settings.width": width,
            "render_settings.height": height,
            "existing": existing or None,
            "plugin_dirs": plugin_dir or None,
            "llm": llm,
            "renderer": renderer,
            "scorer": scorer,
            "llm_settings.base_url": base_url,
            "render_settings.base_url": render_base_url,
            "llm_settings.concurrency": concurrency,
            "llm_settings.temperature": temperature,
            "llm_settings.top_p": top_p,
            "llm_settings.max_tokens": max_tokens,
            "flow.attempts": attempts,
            "out": out,
            "max_candidates": max_candidates,
            "max_cost": max_cost,
            "resume": resume and resume.value,
        },
    )
    if dry_run:
        _print_dry_run(settings)
    else:
        _generate(settings)


def _generate(config: RunConfig) -> None:
    from synth.cli.machine import provide_model
    from synth.cli.progress import Watcher
    from synth.cli.summary import finish
    from synth.run.generate import generate as run
    from synth.run.generate import prepare
    from synth.run.stop import run_blocking

    provide_model(config.llm, check=lambda: prepare(config))
    watcher = Watcher()
    with watcher.explain_errors():
        summary = run_blocking(run(config, watcher))
    finish(summary, config)


def _print_dry_run(config: RunConfig) -> None:
    import yaml

    from synth.run.dry_run import dry_run
    from synth.run.stop import run_blocking

    found = run_blocking(dry_run(config))
    would = "would go on with the run" if found.resumes else "would be a new run"
    would = "would be refused; see the end" if found.refused else would
    heading(f"Dry run: nothing was called and nothing was written. In {found.folder}: this {would}")
    heading("\nBackends")
    rows = [[role, name, found.reasons[role]] for role, name in found.backends.items()]
    say(table(rows, indent="  "))
    for one in found.abilities:
        heading(f"\nPlans of the first candidates: {one.name}")
        for plan in one.plans:
            entries = "; ".join(f"{slot} = {entry}" for slot, entry in plan.entries.items())
            question = f"; question = {plan.question}" if plan.question else ""
            say(f"  {plan.index}  {entries}{question}; seed = {plan.seed}")
            for number, own in enumerate(plan.pictures, 1):
                say(f"     picture {number}: {'; '.join(f'{slot} = {entry}' for slot, entry in own.items())}")
        heading(f"\nFirst request of {one.name}, step write, to the letter")
        print_messages(one.write)
        heading(f"\nFirst request of {one.name}, step converse, to the letter")
        say("(no keywords are written yet: the template's first example stands in for the candidate)")
        print_messages(one.converse)
    heading("\nIdentity: what must stay the same to go on with this run")
    say(yaml.safe_dump(found.identity, sort_keys=False, allow_unicode=True).rstrip())
    guess = found.estimate
    heading("\nEstimate, if every first reply is taken (tokens are characters / 4)")
    estimates: list[tuple[str, Any]] = [
        ("samples", guess.samples),
        ("requests", f"{guess.requests} (at most {guess.most_requests})"),
        ("prompt tokens", f"{guess.prompt_tokens:,} (a prefix cache serves most of them)"),
        ("reply tokens", f"{guess.completion_tokens:,}"),
        ("pictures", guess.pictures),
        ("disk", size(guess.disk_bytes)),
        ("cost", "unknown: no prices are set" if guess.cost is None else f"{guess.cost:.4f}"),
    ]
    say(table([list(map(str, row)) for row in estimates], indent="  "))
    if found.refused:
        raise found.refused


def print_messages(messages: list[Message]) -> None:
    """Role and content of each message, the content as it is."""
    for message in messages:
        typer.secho(f"--- {message['role']}", dim=True)
        say(message["content"])
