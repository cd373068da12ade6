"""From the facts of a run to HTML: `page.html`, filled by Jinja with automatic escaping.

Nothing here marks text as safe except our own style sheet and script, which are inlined. The
page's policy allows one script, by its hash, and no connection at all, so that even a hole in the
escaping would run and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from synth import __version__, plugins
from synth.errors import SynthError
from synth.report.cards import Cards
from synth.report.counting import Histogram
from synth.report.gather import AbilityFacts, Facts, is_fresh
from synth.report.shown import emphasis, one_line, visible
from synth.run.reading import with_picture

_MAX_BARS = 25


@dataclass(frozen=True, slots=True)
class Way:
    """One row of the funnel: who dropped how many, and where the bar of what was left ends."""

    name: str
    where: str
    kind: str
    count: int
    before: float
    after: float


def render(facts: Facts, run: Path) -> str:
    """The whole page as text."""
    style, script = _asset("page.css"), _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    cards = Cards(run, facts.text_only)
    env = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    env.filters.update(
        show=visible,
        line=one_line,
        emphasis=emphasis,
        num=_number,
        secs=_seconds,
        pct=_percent,
    )
    env.globals.update(
        card_of=cards.of,
        with_picture=with_picture,
        is_fresh=is_fresh,
        funnel=funnel,
        bars=bars,
        checks=checks,
    )
    env.tests["fresh"] = is_fresh
    page = env.from_string(_asset("page.html")).render(
        facts=facts,
        style=Markup(style),
        script=Markup(script),
        policy=(
            f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
            "base-uri 'none'; form-action 'none'"
        ),
        version=__version__,
        banners=list(banners(facts)),
        models={role: model_name(facts.identity.get(role)) for role in ("llm", "renderer", "scorer")},
        identity=json.dumps(facts.identity, indent=2, ensure_ascii=False, sort_keys=True),
        attributions=lambda: list(cards.attributions) or renderer_attribution(facts),
    )
    return page.strip().encode(errors="replace").decode() + "\n"


def banners(facts: Facts) -> Iterator[tuple[str, str, str]]:
    """(kind, headline, explanation) of everything a reader must know before the numbers."""
    if facts.samples < facts.wanted:
        short = ", ".join(f"{a.name} {a.samples} of {a.wanted}" for a in facts.abilities if a.samples < a.wanted)
        yield (
            "bad" if not facts.samples else "warn",
            f"Incomplete: {facts.samples:,} of {facts.wanted:,} samples",
            f"{short}. The same command goes on where the run stopped.",
        )
    waiting = sum(a.waiting for a in facts.abilities)
    if facts.text_only:
        yield (
            "warn",
            "Text only: no pictures yet",
            "Prompts and dialogues are done; 'synth render' makes the pictures.",
        )
    elif waiting:
        yield (
            "warn",
            f"{waiting:,} candidates wait for their pictures",
            "'synth generate' or 'synth render' goes on.",
        )
    if facts.origins["preview"]:
        yield (
            "warn",
            f"Preview pictures: {facts.origins['preview']:,}",
            "Compositions of clip art to look at a run with. They are not training data and are exported "
            "only with --allow-preview.",
        )
    llm = facts.identity.get("llm") or {}
    if llm.get("scripted") or llm.get("name") == "scripted":
        yield (
            "warn",
            "Scripted texts",
            "No language model wrote these dialogues. They try out the flow, no more.",
        )
    if facts.layers:
        out, back = sum(a.out for a in facts.abilities), sum(a.back for a in facts.abilities)
        yield (
            "note",
            f"Refiltered: {facts.layers[-1].text}",
            f"Against what the run itself decided, {out:,} candidates are out and {back:,} are back. Verdicts "
            "below are those that count; each card also has the first ones.",
        )
    not_run = sorted({name for a in facts.abilities for (_, _, name, o), n in a.checks.items() if o == "not_run" and n})
    if not_run:
        yield (
            "note",
            f"Filters that could not judge: {', '.join(not_run)}",
            "Not run is not passed; see 'Filters'.",
        )


def funnel(one: AbilityFacts) -> list[Way]:
    """The ways to be dropped in the order of a candidate's life, as a falling staircase."""
    total, left = max(one.tried, 1), one.tried
    rows = []
    for (_, state, name, stage), count in sorted(one.dropped.items()):
        before, left = left, left - count
        where = {"prompt": "on prompts", "dialogue": "on dialogues", "image": "on pictures"}.get(stage, "")
        rows.append(Way(name, where, state, count, 100 * before / total, 100 * left / total))
    return rows


def checks(one: AbilityFacts) -> list[tuple[str, str, int, int, int]]:
    """(filter, stage, passed, failed, not run), replies that were asked for again included."""
    rows: dict[tuple[int, str, str], dict[str, int]] = {}
    for (place, stage, name, outcome), count in one.checks.items():
        rows.setdefault((place, stage, name), {"pass": 0, "fail": 0, "not_run": 0})[outcome] += count
    return [
        (name, stage, r["pass"], r["fail"], r["not_run"]) for (_, stage, name), r in sorted(rows.items(), key=_place)
    ]


def _place(row: tuple[tuple[int, str, str], object]) -> int:
    """Filters of one stage stay in the order of the chain, which is the order they were met in."""
    return row[0][0]


def bars(histogram: Histogram) -> list[tuple[str, int, float]]:
    """(range, count, height in percent), at most 25 bars; empty for scores that are not shares."""
    fine = histogram.bars
    step = -(-len(fine) // _MAX_BARS) if fine else 1
    merged = [(fine[at][0], sum(c for _, c in fine[at : at + step])) for at in range(0, len(fine), step)]
    top = max((count for _, count in merged), default=1)
    return [(f"{low:.2f} to {low + 0.02 * step:.2f}", c, 100 * c / top) for low, c in merged]


def model_name(identity: Any) -> str:
    """What to call a model in one line."""
    if not isinstance(identity, dict):
        return ""
    name, model = identity.get("name", ""), identity.get("model", "")
    return one_line(f"{name}: {model}" if name and model else name or model, 120)


def renderer_attribution(facts: Facts) -> list[str]:
    """Who to name where no shown picture says it itself."""
    renderer = facts.identity.get("renderer") or {}
    if not facts.origins["preview"]:
        return []
    try:
        text = plugins.load("synth.renderers", str(renderer.get("name", ""))).attribution
    except SynthError:
        text = ""
    return [text or "Preview pictures are made of OpenMoji emoji, openmoji.org, licence CC BY-SA 4.0"]


def _asset(name: str) -> str:
    return (resources.files("synth.report") / name).read_text(encoding="utf-8")


def _number(value: float | int) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _seconds(value: float) -> str:
    if value < 10:
        return f"{value:.2f} s"
    if value < 120:
        return f"{value:.0f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def _percent(part: float, whole: float) -> str:
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.1f}%" if 0 < share < 10 else f"{share:.0f}%"
