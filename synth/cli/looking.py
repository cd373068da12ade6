"""`synth status` and `synth show`: look at a run, also while it works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synth.cli.terminal import heading, say, table

if TYPE_CHECKING:
    from synth.ledger import Ledger
    from synth.produce.redecide import Layer
    from synth.records import Candidate, Decision, Image, Verdict
    from synth.run.look import RunStatus
    from synth.run.reading import Scores
    from synth.run.standing import Standing

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, e.g. runs/abnormal-s0.")]
_PANEL = "Look at data"


def register(app: typer.Typer) -> None:
    app.command("status", rich_help_panel=_PANEL, epilog="[bold]Example:[/bold] synth status runs/abnormal-s0")(status)
    app.command(
        "show",
        rich_help_panel=_PANEL,
        epilog="[bold]Examples[/bold]\n\nsynth show runs/abnormal-s0 abnormal-s0-000007\n\n"
        "synth show runs/abnormal-s0 7\n\nsynth show runs/abnormal-s0 7 --raw | jq .candidate.verdicts",
    )(show)


def status(run: RunArgument) -> None:
    """How far a run is, and how to go on.

    Samples, what was dropped and why, tokens, and how to go on. Only reads, so it may be asked
    while the run works."""
    from synth.cli.summary import go_on_command, print_next_steps
    from synth.run.look import status as look

    found = look(run)
    heading(f"{run}: {_state(found)}")
    if found.layers:
        say(f"  refiltered {len(found.layers)} times; what counts: {found.layers[-1].text}")
    rows = []
    for name, one in found.abilities.items():
        rows.append([name, one.wanted, one.ready, one.tried, one.surplus, one.waiting])
    header = ["ability", "wanted", "samples", "candidates", "surplus", "unfinished"]
    say(table(rows, header, indent="  "))
    dropped = [[name, key, count] for name, one in found.abilities.items() for key, count in one.dropped.most_common()]
    if dropped:
        heading("\nDropped")
        say(table([[name, count, key] for name, key, count in dropped], ["ability", "count", "by"], indent="  "))
    say(f"\n{found.prompt_tokens:,} prompt tokens, {found.completion_tokens:,} reply tokens")
    if found.cost:
        say(f"cost {found.cost:.4f}")
    if found.done and found.holder is None:
        print_next_steps(str(run), found.previews, found.text_only, found.several)
    elif found.holder is None:
        limit = found.used_up
        heading(f"\nGo on: {limit[0]}" if limit else "\nGo on")
        say(f"  {go_on_command(str(run))}{f' {limit[1]}' if limit else ''}")


def _state(found: RunStatus) -> str:
    if found.holder is not None:
        who = f"process {found.holder}" if found.holder else "a process"
        return f"{who} is working on it"
    return "done" if found.done else "stopped before it was done"


def show(
    run: RunArgument,
    id_: Annotated[str, typer.Argument(metavar="ID", help="A candidate's id, or its number if only one has it.")],
    raw: Annotated[bool, typer.Option("--raw", help="Print everything as JSON.")] = False,
) -> None:
    """Everything about one candidate.

    Its plan, the exact messages that were sent, the replies, every filter's
    verdict, what became of it and where its pictures are."""
    from synth.run import look

    ledger = look.read_ledger(run)
    candidate = look.find_candidate(ledger, id_)
    if raw:
        import json

        typer.echo(json.dumps(look.raw(ledger, candidate), indent=2))
        return
    _print_candidate(run, candidate, look.standing(ledger, candidate))
    _print_decisions(candidate, look.decisions(ledger, candidate))
    _print_calls(ledger, candidate)


_STANDINGS: dict[Standing, str] = {
    "sample": "a sample",
    "surplus": "surplus: good, but beyond the samples that were asked for",
    "waiting": "its text passed, its pictures are still to be made",
}


def _print_candidate(run: Path, candidate: Candidate, standing: Standing) -> None:
    from synth.run.reading import conversation, failed_picture, scores_of, with_picture

    several, failed = len(candidate.images) > 1, failed_picture(candidate)
    by = f" by {candidate.decided_by}" if candidate.decided_by else ""
    heading(f"{candidate.id}: {_STANDINGS.get(standing, standing)}{by}")
    if candidate.reason:
        say(with_picture(candidate.reason, failed, len(candidate.images)))
    form = f", {candidate.form} with {len(candidate.images)} pictures" if several else ""
    say(f"stage {candidate.stage}{form}, round {candidate.round}, seed {candidate.seed}")
    if candidate.examples:
        say(f"examples shown: {', '.join(candidate.examples)}")
    _print_plan(candidate)
    scores = scores_of(candidate)
    for number, image in enumerate(candidate.images):
        nth = f" {number + 1}" if several else ""
        heading(f"\nPicture{nth}{': rejected for this one' if number == failed else ''}")
        _print_picture(run, image, scores.pictures.get(number, {}))
    if candidate.turns:
        heading("\nDialogue")
        for turn, saying in zip(candidate.turns, conversation(candidate.turns), strict=True):
            marked = (f"[image {piece + 1}]" if isinstance(piece, int) else piece for piece in saying.pieces)
            say(f"  {turn.role}: {' '.join(marked) if several else turn.text}")
    _print_scores(candidate, scores)
    heading("\nVerdicts")
    _print_verdicts(candidate, candidate.verdicts)


def _print_plan(candidate: Candidate) -> None:
    """The shared slots, then those of each picture."""
    heading("\nPlan")
    for number, plan in enumerate([candidate.plan, *candidate.picture_plans]):
        for slot, entry in plan.items():
            facts = "".join(f" | {name}: {value}" for name, value in entry.facts.items())
            say(f"  {f'picture {number}: ' if number else ''}{slot} = {entry.text}{facts}")
    if candidate.question:
        say(f"  question = {candidate.question}")
    for name, fact in candidate.facts.items():
        say(f"  written {name} = {fact}")


def _print_picture(run: Path, image: Image, scores: dict[str, float]) -> None:
    say(f"  prompt: {image.prompt}")
    if image.negative_prompt:
        say(f"  negative prompt: {image.negative_prompt}")
    for name, score in scores.items():
        say(f"  score, {name}: {score:.4f}")
    if image.attempts > 1:
        say(f"  drawn: {image.attempts} times")
    if image.note:
        say(f"  note: {image.note}")
    where = f"{run / image.path} ({image.width} x {image.height}, {image.origin})" if image.path else "none"
    say(f"  file: {where}")


def _print_scores(candidate: Candidate, scores: Scores) -> None:
    """Those of the whole sample, by their names in the data set; those of one picture stand with it."""
    from synth.run.reading import is_of_one_picture, margin_in_words

    several = len(candidate.images) > 1
    whole = {name: score for name, score in candidate.scores.items() if not (several and is_of_one_picture(name))}
    if not whole:
        return
    heading("\nScores")
    for name, score in whole.items():
        say(f"  {name}: {'none' if score is None else f'{score:.4f}'}")
    if scores.margin is not None:
        say(f"  that is, {margin_in_words(scores.margin, len(candidate.images))}")


def _print_verdicts(candidate: Candidate, verdicts: list[Verdict]) -> None:
    from synth.run.reading import with_picture

    pictures = len(candidate.images)
    rows = [
        [
            v.stage,
            v.attempt,
            v.filter,
            v.outcome,
            "" if v.score is None else f"{v.score:g}",
            with_picture(v.reason, v.picture, pictures),
        ]
        for v in verdicts
    ]
    say(table(rows, ["stage", "attempt", "filter", "outcome", "score", "reason"], indent="  "))


def _print_decisions(candidate: Candidate, layers: list[tuple[Layer, Decision | None]]) -> None:
    """What was decided first and what each refilter made of it."""
    if not layers:
        return
    first = candidate.decisions[0] if candidate.decisions else None
    heading("\nDecisions")
    say(f"  the run itself: {_decided(first) if first else 'as it stands'}")
    for layer, decision in layers:
        said = _decided(decision) if decision else "no change"
        say(f"  refilter {layer.number} ({layer.text}): {said}")
        if decision and decision.verdicts:
            _print_verdicts(candidate, decision.verdicts)


def _decided(decision: Decision) -> str:
    by = f" by {decision.decided_by}: {decision.reason}" if decision.decided_by else ""
    return f"{decision.state}{by}"


def _print_calls(ledger: Ledger, candidate: Candidate) -> None:
    from synth.cli.generate import print_messages
    from synth.run.look import messages

    for call in candidate.calls:
        warmth = "" if call.temperature is None else f", temperature {call.temperature:g}"
        heading(f"\nRequest: {call.step}, attempt {call.attempt}, seed {call.seed}{warmth}")
        if call.left_out:
            say(f"not sent, because the endpoint refuses it: {', '.join(call.left_out)}")
        print_messages(messages(ledger, call))
        typer.secho("--- reply", dim=True)
        say(call.reply)
        say(
            f"({call.mode or 'no reply'}, {call.prompt_tokens} prompt tokens ({call.cached_tokens} cached), "
            f"{call.completion_tokens} reply tokens{', estimated' if call.estimated else ''}, {call.seconds:.2f} s)"
        )
        if call.repairs:
            say(f"repaired: {', '.join(call.repairs)}")
        if call.problem:
            say(f"not usable: {call.problem}")
