"""What is printed when a run ends: the funnel, where time and tokens went, what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import typer

from synth.cli.progress import drops
from synth.cli.terminal import duration, heading, note, say, table

if TYPE_CHECKING:
    from synth.config import RunConfig
    from synth.run.generate import Summary


def finish(summary: Summary, config: RunConfig) -> None:
    """Print the summary of `synth generate`; exit with 3 if samples are missing."""
    print_summary(summary)
    if summary.missing:
        _print_missing(summary)
        allowed = max(config.candidates_allowed(n) for n in config.abilities.values())
        note(
            f"All {allowed} candidates that --max-candidates allows were tried. Look at rejected ones with\n"
            f"  synth report {shlex.quote(str(summary.folder))}\n"
            f"then go on with the same command and --max-candidates {2 * allowed}, or change the model."
        )
        raise typer.Exit(3)


def finish_render(summary: Summary) -> None:
    """Print the summary of `synth render`, which writes nothing new; exit with 3 if samples are missing."""
    print_summary(summary)
    if summary.missing:
        _print_missing(summary)
        dropped = sum(one.pictures_dropped for one in summary.tally.abilities.values())
        note(
            f"Texts whose pictures were rejected: {dropped}; no other waits for pictures. Write and render more with\n"
            f"  {go_on_command(str(summary.folder))}"
        )
        raise typer.Exit(3)


def go_on_command(folder: str) -> str:
    """What goes on with a run: its own settings, which name the renderer that it has had since `synth render`."""
    run = shlex.quote(folder.rstrip("/"))
    return f"synth generate --config {run}/config.yaml --out {run}"


def _print_missing(summary: Summary) -> None:
    names = ", ".join(f"{count} of '{name}'" for name, count in summary.missing.items())
    typer.secho("Stopped before all samples were made: ", fg="red", bold=True, nl=False, err=True)
    note(f"missing are {names}.")
    for name in summary.missing:
        one = summary.tally.abilities[name]
        for end, count in one.dropped.most_common(1):
            note(f"Most often {end} ({count}), e.g. {one.reasons[end]}")


def print_summary(summary: Summary) -> None:
    tally = summary.tally
    say()
    heading(f"{summary.samples} samples in {summary.dataset} after {duration(summary.seconds)}")
    rows = [
        [name, f"{one.accepted} accepted of {one.tried} candidates", drops(dict(one.dropped))]
        for name, one in tally.abilities.items()
    ]
    say(table(rows, indent="  "))
    for name, held in summary.held.items():
        say(
            f"  {name}: the run has {held} samples; the data set now holds the first {tally.abilities[name].wanted}; "
            "a larger --n brings them back"
        )
    if any(summary.rotated.values()):
        rotated = ", ".join(f"{name} {count}" for name, count in summary.rotated.items())
        say(f"  in-context examples replaced by fresh ones: {rotated}")
    if summary.restored:
        say(f"  pictures whose files were gone or damaged, rendered again: {summary.restored}")
    steps = {
        **tally.step_seconds,
        **{f"filter {k}": v for k, v in summary.filter_seconds.items() if v >= 0.05},
    }
    if steps:
        ordered = sorted(steps.items(), key=lambda item: -item[1])
        shown = ", ".join(f"{step} {duration(spent)}" for step, spent in ordered if spent >= 0.05)
        say(f"  time by step, summed over candidates: {shown or 'hardly any'}")
    if tally.calls:
        cached = f" ({tally.cached_tokens:,} from the prefix cache)" if tally.cached_tokens else ""
        speed = tally.completion_tokens / summary.seconds if summary.seconds else 0
        say(
            f"  {tally.calls} requests, {tally.prompt_tokens:,} prompt tokens{cached}, "
            f"{tally.completion_tokens:,} reply tokens ({speed:.0f}/s)"
        )
    if tally.retries:
        say(f"  {tally.retries} retries of requests: rate limits or passing trouble of the endpoint")
    if tally.estimated:
        say(f"  the tokens of {tally.estimated} requests are estimates (characters / 4): the endpoint sends no counts")
    if tally.cost:
        say(f"  cost {tally.cost:.4f}{' (an estimate)' if tally.estimated else ''}")
    if tally.repairs:
        repairs = ", ".join(f"{name} {count}" for name, count in tally.repairs.most_common())
        say(f"  repairs of replies: {repairs}")
    if summary.varying:
        say(
            f"  committed rows never change; made again in a new folder, the same settings give the same plans, but "
            f"not the same {' and '.join(summary.varying)}"
        )
    if summary.samples:
        print_next_steps(str(summary.folder), summary.previews, summary.text_only, summary.several)


def print_next_steps(folder: str, previews: bool, text_only: bool, several: bool) -> None:
    """The exact commands that come next; `several` says whether samples have more than one picture."""
    run = shlex.quote(folder.rstrip("/"))
    name = shlex.quote(folder.rstrip("/").rpartition("/")[2])
    heading("\nNext")
    say(f"  synth report {run}")
    if text_only:
        say(f"  synth render {run} --renderer preview      # pictures for a text-only run")
        return
    preview = " --allow-preview" if previews else ""
    say(f"  synth export {run} --format {'llava-next' if several else 'llava'} --out exports/{name}{preview}")
    if previews:
        say("  (the pictures are previews: composed clip art, to look at and test with, not to train on)")
