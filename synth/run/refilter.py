"""`synth refilter`: decide again about the candidates of a run, from the scores in its ledger.

No backend is made and no picture opened. What the run itself decided is never changed: a layer of
decisions is put on top of it, in one transaction, and `dataset.jsonl` is derived anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synth.config import RunConfig
from synth.errors import SynthError
from synth.ledger import Ledger
from synth.produce.redecide import Layer, check_options
from synth.records import Candidate
from synth.run.chains import LAYERS, layers_of, load_chains, options_now
from synth.run.dataset import write_dataset
from synth.run.folder import frozen_config, open_existing
from synth.run.look import read_ledger
from synth.run.standing import kept_states


@dataclass
class AbilityChange:
    """What a refilter did to one ability: samples before and after, and the candidates that it moved.

    `out` were good and are dropped now, by filter; `back` were dropped and are good now, by the filter
    that had dropped them. `undecided` would have to be seen again by a filter; `unscored` pass because
    a filter with new options has no score to go by.
    """

    wanted: int
    before: int = 0
    samples: int = 0
    out: Counter[str] = field(default_factory=Counter)
    back: Counter[str] = field(default_factory=Counter)
    undecided: int = 0
    unscored: int = 0


@dataclass
class Refiltered:
    """What came out. `new` is false where the newest layer said the same already."""

    folder: Path
    layer: Layer
    new: bool
    abilities: dict[str, AbilityChange]

    @property
    def samples(self) -> int:
        return sum(one.samples for one in self.abilities.values())


def refilter(
    folder: Path,
    options: Mapping[str, Mapping[str, Any]],
    plugin_dirs: list[Path] | None = None,
    dry_run: bool = False,
) -> Refiltered:
    """Decide again with these options: filter to option to value; none: as the run itself decided.

    Options of an earlier refilter do not stay: what is not named is as the template says. With
    `dry_run` nothing is written, and a run that works meanwhile is no obstacle.

    Raises:
        SynthError: no such filter or option, a wrong value, or a run without pictures.
        RunRefused: no run, locked, or its abilities are not here as it was made with them.
    """
    if dry_run:
        return _refilter(folder, read_ledger(folder), options, plugin_dirs, write=False)
    with open_existing(folder) as run:
        return _refilter(folder, run.ledger, options, plugin_dirs, write=True)


def _refilter(
    folder: Path,
    ledger: Ledger,
    options: Mapping[str, Mapping[str, Any]],
    plugin_dirs: list[Path] | None,
    write: bool,
) -> Refiltered:
    config, identity = frozen_config(ledger), ledger.meta("identity")
    if identity["renderer"] is None:
        raise SynthError(f"{folder} has no pictures yet, so nothing judged them.", f"First: synth render {folder}")
    judging = load_chains(config.model_copy(update={"plugin_dirs": plugin_dirs}) if plugin_dirs else config)
    judging.refuse_others(str(folder), identity, "Refilter with the templates and banks that it was written with.")
    judging.scored_by((identity["scorer"] or {}).get("threshold"))
    check_options(options, judging.abilities, judging.classes)
    wanted = {name: dict(own) for name, own in options.items() if own}
    layers = layers_of(ledger)
    new = options_now(layers) != wanted
    last = layers[-1] if layers else Layer(number=0, options={})
    layer = Layer(number=last.number + 1, options=wanted) if new else last
    made = {name: AbilityChange(n) for name, n in config.abilities.items()}
    redeciders = {name: judging.redecider(name, layer) for name in config.abilities}

    def change(candidate: Candidate) -> bool:
        one = made[candidate.ability]
        was = candidate.state, candidate.decided_by
        altered = redeciders[candidate.ability].apply(candidate)
        one.before += was[0] in ("accepted", "surplus")
        good = candidate.state in ("accepted", "surplus")
        one.samples += good
        if good and was[0] == "rejected":
            one.back[was[1]] += 1
        if not good and was[0] in ("accepted", "surplus"):
            one.out[candidate.decided_by] += 1
        anew = {verdict.filter for verdict in candidate.verdicts_now if verdict.outcome == "not_run"}
        one.unscored += good and not anew.isdisjoint(wanted)
        return altered

    meta = {LAYERS: [one.model_dump(mode="json") for one in [*layers, layer]]} if new else {}
    ledger.revise(tuple(config.abilities), change, meta if write else {})
    for name, one in made.items():
        one.undecided = redeciders[name].undecided
        one.before, one.samples = min(one.before, one.wanted), min(one.samples, one.wanted)
    if write:
        _derive(folder, ledger, config)
    return Refiltered(folder, layer, new, made)


def _derive(folder: Path, ledger: Ledger, config: RunConfig) -> None:
    """What follows from the decisions. It can be repeated, so a kill before or in it does no harm."""
    kept = kept_states(ledger.meta("identity"))
    for name, n in config.abilities.items():
        ledger.mark_surplus(name, ledger.nth_index(name, kept, n))
    write_dataset(folder, ledger, config)
