"""Looks at a run without touching it: its state, one candidate, the messages that were sent.

Everything here opens the ledger read-only and takes no lock, so it works while a run is going on.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synth.backends.llm.base import Message
from synth.config import RunConfig
from synth.errors import SynthError
from synth.ledger import Ledger
from synth.produce.redecide import Layer
from synth.records import Call, Candidate, Decision
from synth.run.chains import layers_of
from synth.run.folder import frozen_config, holder, require_run
from synth.run.standing import Standing, Standings, has_several, kept_states

#: a longer number is no index; SQLite's integers end there, and Python refuses to read thousands of digits
_MOST_DIGITS = 18


@dataclass
class AbilityStatus:
    """Counts of one ability; `dropped` maps "rejected: filter" and "failed: step" to a count."""

    wanted: int
    ready: int = 0
    surplus: int = 0
    waiting: int = 0
    tried: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> bool:
        return self.ready >= self.wanted and not self.waiting


@dataclass
class RunStatus:
    """What the ledger of a run says now. `holder` is the process that works on it, if any."""

    folder: Path
    config: RunConfig
    identity: dict[str, Any]
    abilities: dict[str, AbilityStatus]
    prompt_tokens: int
    completion_tokens: int
    bought: int
    holder: int | None
    layers: list[Layer] = field(default_factory=list)

    @property
    def text_only(self) -> bool:
        return self.identity.get("renderer") is None

    @property
    def several(self) -> bool:
        """Whether it makes samples of more than one picture."""
        return has_several(self.identity)

    @property
    def previews(self) -> bool:
        renderer = self.identity.get("renderer") or {}
        return renderer.get("origin") == "preview"

    @property
    def done(self) -> bool:
        return all(one.done for one in self.abilities.values())

    @property
    def used_up(self) -> tuple[str, str] | None:
        """The limit that keeps the same command from going on: what it is in words, and a flag that raises it."""
        config = self.config
        over = config.over_budget(self.cost, 0 if self.text_only else 1)
        if over and config.max_cost is not None:
            return over, f"--max-cost {2 * config.max_cost:g}"
        tried = {
            config.candidates_allowed(one.wanted)
            for one in self.abilities.values()
            if one.ready + one.waiting < one.wanted and one.tried >= config.candidates_allowed(one.wanted)
        }
        if tried:
            words = f"all {max(tried)} candidates that --max-candidates allows were tried"
            return words, f"--max-candidates {2 * max(tried)}"
        return None

    @property
    def cost(self) -> float:
        """What the tokens and bought pictures so far cost, at the prices of the settings."""
        return self.config.cost(self.prompt_tokens, self.completion_tokens, self.bought)


def read_ledger(folder: Path) -> Ledger:
    """The ledger of a run, read-only.

    Raises:
        RunRefused: the folder is not a run.
    """
    require_run(folder)
    return Ledger(folder, read_only=True)


def status(folder: Path) -> RunStatus:
    """Count what a run has."""
    ledger = read_ledger(folder)
    config = frozen_config(ledger)
    identity = ledger.meta("identity") or {}
    abilities = {name: AbilityStatus(wanted=n) for name, n in config.abilities.items()}
    kept = kept_states(identity)
    for ability, state, decided_by, count in ledger.funnel():
        one = abilities.setdefault(ability, AbilityStatus(wanted=0))
        one.tried += count
        if state in kept:
            one.ready += count
        elif state == "text_ok":
            one.waiting += count
        else:
            one.dropped[f"{state}: {decided_by}"] += count
    for ability, one in abilities.items():
        extra = max(0, one.ready - one.wanted)
        one.ready, one.surplus = one.ready - extra, extra
        last = Standings(ledger, identity, ability, one.wanted).last
        if one.waiting and last is not None:
            late = ledger.count_beyond(ability, "text_ok", last)
            one.waiting, one.surplus = one.waiting - late, one.surplus + late
    spent = (*ledger.tokens(), ledger.bought())
    return RunStatus(folder, config, identity, abilities, *spent, holder(folder), layers_of(ledger))


def find_candidate(ledger: Ledger, wanted: str) -> Candidate:
    """The candidate with this id, or with this number where only one ability has it.

    Raises:
        SynthError: no such candidate (names the nearest), or several.
    """
    exact = ledger.candidate(wanted)
    if exact is not None:
        return exact
    number = re.search(r"(\d+)$", wanted)
    if number is None:
        near = ledger.ids(wanted, limit=5) or ledger.ids("", limit=3)
        raise _unknown(ledger, wanted, near)
    same = ledger.ids_at(int(number[1])) if len(number[1]) <= _MOST_DIGITS else []
    if wanted.isdigit() and len(same) == 1:
        found = ledger.candidate(same[0])
        assert found is not None
        return found
    if wanted.isdigit() and same:
        raise SynthError(f"{len(same)} candidates have the number {wanted}: {', '.join(same)}.", "Give the whole id.")
    prefix = wanted[: number.start()].rstrip("-")
    near = [i for i in same if i.startswith(prefix[:3])] or same or _last_ids(ledger, prefix)
    raise _unknown(ledger, wanted, near)


def standing(ledger: Ledger, candidate: Candidate) -> Standing:
    """What the candidate is to the data set."""
    wanted = frozen_config(ledger).abilities.get(candidate.ability, 0)
    return Standings(ledger, ledger.meta("identity") or {}, candidate.ability, wanted).of(candidate)


def decisions(ledger: Ledger, candidate: Candidate) -> list[tuple[Layer, Decision | None]]:
    """What each `synth refilter` of the run said of the candidate, oldest first; None: the same as the one
    before it."""
    said = {one.layer: one for one in candidate.decisions}
    return [(layer, said.get(layer.number)) for layer in layers_of(ledger)]


def messages(ledger: Ledger, call: Call) -> list[Message]:
    """The messages of a request, to the letter: the shared ones, then the candidate's own."""
    own = call.message + (_text(ledger, call.appended) if call.appended else "")
    made: list[Message] = [*json.loads(_text(ledger, call.shared)), {"role": "user", "content": own}]
    return made


def raw(ledger: Ledger, candidate: Candidate) -> dict[str, Any]:
    """The candidate and its requests as plain data."""
    return {
        "candidate": candidate.to_data(),
        "layers": [layer.model_dump(mode="json") for layer in layers_of(ledger)],
        "shared_messages": {
            key: json.loads(ledger.text(key) or "[]") for key in sorted({c.shared for c in candidate.calls})
        },
        "appended": {
            key: ledger.text(key) or "" for key in sorted({c.appended for c in candidate.calls if c.appended})
        },
    }


def _text(ledger: Ledger, key: str) -> str:
    text = ledger.text(key)
    if text is None:
        raise SynthError(f"{ledger.path} lacks the shared messages '{key}'.", "The ledger was altered.")
    return text


def _last_ids(ledger: Ledger, prefix: str) -> list[str]:
    """The last candidates of the abilities whose ids start like `prefix`, or of all."""
    counts: Counter[str] = Counter()
    for ability, _, _, count in ledger.funnel():
        counts[ability] += count
    names = [name for name in counts if prefix.startswith(name) or name.startswith(prefix)] or list(counts)
    found = []
    for name in names[:3]:
        found += [one.id for one in ledger.candidates(name, start=max(0, counts[name] - 2), limit=2)]
    return found


def _unknown(ledger: Ledger, wanted: str, near: list[str]) -> SynthError:
    hint = f"Near: {', '.join(near[:5])}." if near else "The run has no candidates yet."
    return SynthError(f"{ledger.path.parent} has no candidate '{wanted}'.", hint)
