"""The abilities of a configuration with their banks and filter chains: all that judging needs, no backend."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synth import plugins
from synth.abilities import Ability
from synth.banks import KeywordBank
from synth.catalog import Catalog
from synth.config import RunConfig, differences
from synth.errors import RunRefused
from synth.filtering import Chain, Filter, build_chain
from synth.ledger import Ledger
from synth.produce.redecide import Layer, Redecider

#: where the ledger keeps what `synth refilter` was told
LAYERS = "layers"


@dataclass(slots=True)
class Chains:
    """Abilities, banks and chains by the ability's name; `classes` are all installed filters."""

    abilities: dict[str, Ability]
    banks: dict[str, dict[str, KeywordBank]]
    chains: dict[str, Chain]
    classes: dict[str, type[Filter]]
    scorer_threshold: float | None = None

    def scored_by(self, threshold: float | None) -> None:
        """Tell all filters what the run's scorer says a score must exceed."""
        self.scorer_threshold = threshold
        for chain in self.chains.values():
            chain.scored_by(threshold)

    def identity(self) -> dict[str, Any]:
        """What of them decides which samples come out."""
        return {
            name: {
                "version": ability.version,
                "template": ability.digest,
                "banks": {bank.name: bank.digest for bank in self.banks[name].values()},
                "filters": {one.name: one.version for one in self.chains[name].filters},
            }
            for name, ability in self.abilities.items()
        }

    def refuse_others(self, run: str, identity: Mapping[str, Any], fix: str) -> None:
        """Raise `RunRefused` if the run at `run` was made with other templates, banks or filters."""
        changed = differences(identity["abilities"], self.identity(), "abilities")
        if changed:
            raise RunRefused(f"{run} was written with other abilities:\n  " + "\n  ".join(changed), fix)

    def redecider(self, name: str, layer: Layer) -> Redecider:
        return Redecider(self.abilities[name], self.chains[name], self.classes, self.scorer_threshold, layer)


def load_chains(config: RunConfig) -> Chains:
    """Find the abilities and build their chains; broken filter plugins are skipped with a warning."""
    catalog = Catalog(config.plugin_dirs)
    abilities = {name: catalog.ability(name) for name in config.abilities}
    banks = {name: catalog.banks_of(ability) for name, ability in abilities.items()}
    classes, broken = plugins.load_all("synth.filters")
    for problem in broken:
        warnings.warn(f"a filter plugin is skipped: {problem}", stacklevel=2)
    chains = {name: build_chain(ability, classes, banks[name]) for name, ability in abilities.items()}
    return Chains(abilities, banks, chains, classes)


def layers_of(ledger: Ledger) -> list[Layer]:
    """What `synth refilter` was told so far, oldest first; the last one counts."""
    return [Layer.model_validate(one) for one in ledger.meta(LAYERS) or ()]


def options_now(layers: Sequence[Layer]) -> dict[str, dict[str, Any]]:
    """The options that the newest layer changes; none where the run's own decisions count."""
    return layers[-1].options if layers else {}
