"""Where abilities and keyword banks are found: installed packages and the folders of `--plugin-dir`.

The engine reaches the built-in ones as it reaches a stranger's, so that they are the first plugin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from synth import plugins
from synth.abilities import Ability, parse_ability
from synth.banks import KeywordBank, parse_bank
from synth.errors import SynthError
from synth.template_schema import PictureSlot


@dataclass(frozen=True, slots=True)
class Found:
    """A template or bank file and who provides it."""

    name: str
    file: Traversable
    provider: str

    @property
    def source(self) -> str:
        """The file's name for messages and provenance; never an absolute path of a package."""
        if self.provider == "plugin-dir":
            return str(self.file)
        return f"{self.provider}:{self.file.name}"


@dataclass
class Catalog:
    """All abilities and banks that are installed, plus those of the user's `--plugin-dir`s.

    A file in a plugin dir shadows a packaged one of the same name; its hash is part of the run's
    identity, so the shadowing cannot go unnoticed between two runs.
    """

    plugin_dirs: list[Path] = field(default_factory=list)

    @cached_property
    def _abilities(self) -> dict[str, Found]:
        return dict(self._find("synth.abilities", "templates", ".yaml"))

    @cached_property
    def _banks(self) -> dict[str, Found]:
        return dict(self._find("synth.keyword_banks", "keyword_banks", ".txt"))

    def names(self) -> list[str]:
        return sorted(self._abilities)

    def bank_names(self) -> list[str]:
        return sorted(self._banks)

    def provider(self, ability: str) -> str:
        return self._abilities[ability].provider

    def ability(self, name: str) -> Ability:
        """The ability of that name, with its banks checked to exist."""
        if name not in self._abilities:
            raise plugins.unknown("ability", name, self._abilities)
        found = self._abilities[name]
        ability = parse_ability(_read(found), found.source)
        if ability.name != name:
            raise SynthError(
                f"{found.source}: the file is called '{name}' but its field 'name' says '{ability.name}'.",
                "Make them the same.",
            )
        self.check_banks(ability)
        return ability

    def check_banks(self, ability: Ability) -> None:
        """Raise a `SynthError` if a bank is missing, or a fact that the template relies on."""
        for path, _, slot in ability.slots():
            if slot.bank and slot.bank not in self._banks:
                where = ability.where((*path, "bank"))
                error = plugins.unknown("keyword bank", slot.bank, self._banks)
                raise SynthError(f"{where}: {error.message}", error.fix)
        banks = self.banks_of(ability)
        for path, slot_name, slot in ability.slots():
            if slot.bank:
                self._check_facts(ability, slot_name, banks[slot.bank])
            apart = f"{slot_name}.{slot.apart}" if isinstance(slot, PictureSlot) and slot.apart else ""
            if apart and (problem := ability.source_problem(apart, banks)):
                raise SynthError(f"{ability.where((*path, 'apart'))}: {problem}.", "Correct the name, or add the fact.")
        for path, source in ability.asked_sources():
            if problem := ability.source_problem(source, banks):
                raise SynthError(f"{ability.where(path)}: {problem}.", "Correct the name, or add the fact to the bank.")

    @staticmethod
    def _check_facts(ability: Ability, slot: str, bank: KeywordBank) -> None:
        """One line of a bank without a fact that a template reads would stop a run in the middle."""
        from synth.templating import environment, facts_used

        env = environment()
        for path, source in ability.templates():
            for fact in sorted(fact for owner, fact in facts_used(env, source) if owner == slot):
                missing = next((entry for entry in bank.entries if fact not in entry.facts), None)
                if missing is not None:
                    raise SynthError(
                        f"{bank.source}: '{missing.text}' has no fact '{fact}', which {ability.where(path)} "
                        f"reads as {{{{ {slot}.{fact} }}}}.",
                        "Add the fact to the entry, or guard it in the template with 'is defined'.",
                    )

    def bank(self, name: str) -> KeywordBank:
        if name not in self._banks:
            raise plugins.unknown("keyword bank", name, self._banks)
        found = self._banks[name]
        return parse_bank(name, _read(found), found.source)

    def bank_text(self, name: str) -> str:
        """The file of a bank as it is, comments included."""
        if name not in self._banks:
            raise plugins.unknown("keyword bank", name, self._banks)
        return _read(self._banks[name])

    def banks_of(self, ability: Ability) -> dict[str, KeywordBank]:
        names = {slot.bank for _, _, slot in ability.slots() if slot.bank}
        return {name: self.bank(name) for name in sorted(names)}

    def _find(self, group: str, folder: str, suffix: str) -> Iterator[tuple[str, Found]]:
        packaged: dict[str, str] = {}
        for point in plugins.discover(group).values():
            provider = point.dist.name if point.dist else point.name
            try:
                root = resources.files(point.value)
                files = sorted((f for f in root.iterdir() if f.name.endswith(suffix)), key=lambda f: f.name)
            except Exception as error:  # a plugin's import may raise anything
                plugins.report_broken(group, point.name, provider, error)
                continue
            for file in files:
                name = file.name.removesuffix(suffix)
                if packaged.setdefault(name, provider) != provider:
                    plugins.report_taken(group, name, provider, packaged[name])
                    continue
                yield name, Found(name, file, provider)
        for root_dir in self.plugin_dirs:
            if not holds_data(root_dir):
                problem = "it holds no templates/*.yaml and no keyword_banks/*.txt"
                raise SynthError(
                    f"--plugin-dir {root_dir}: {problem if root_dir.is_dir() else 'there is no such folder'}.",
                    "Give the folder above templates/ and keyword_banks/; 'synth abilities new' makes one.",
                )
            for path in sorted((root_dir / folder).glob(f"*{suffix}")):
                yield path.stem, Found(path.stem, path, "plugin-dir")


def holds_data(plugin_dir: Path) -> bool:
    """Whether a folder has templates or keyword banks where a `--plugin-dir` has them."""
    return any(plugin_dir.glob("templates/*.yaml")) or any(plugin_dir.glob("keyword_banks/*.txt"))


def _read(found: Found) -> str:
    try:
        return found.file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SynthError(f"{found.source}: cannot be read: {error}.", "Save it as UTF-8 text.") from error
