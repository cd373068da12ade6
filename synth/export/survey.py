"""A first pass over a data set: what is in it, so that an export can be refused before it starts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synth.errors import NewerVersion, RunRefused, SynthError
from synth.ledger import Ledger, is_run
from synth.records import Image, Sample
from synth.run.dataset import read_dataset
from synth.run.folder import DATASET_FILE, require_run

_MAX_DISTINCT = 50


@dataclass
class Survey:
    """Counts over a data set; bounded, whatever its size."""

    run: Path
    dataset: Path
    samples: int = 0
    previews: int = 0
    unrendered: int = 0
    scripted: int = 0
    synthetic: int = 0
    multi_image: int = 0
    most_images: int = 0
    first_multi_image: str = ""
    abilities: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    not_run: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    made_by: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        said = sample.provenance
        self.samples += 1
        self.previews += said.get("preview") is True or any(i.origin == "preview" for i in sample.images)
        self.unrendered += any(map(_has_no_picture, sample.images))
        self.scripted += said.get("scripted") is True
        self.synthetic += said.get("synthetic") is True
        self.most_images = max(self.most_images, len(sample.images))
        if len(sample.images) > 1:
            self.multi_image += 1
            self.first_multi_image = self.first_multi_image or sample.id
        self.abilities[sample.ability] += 1
        self.forms[sample.form] += 1
        self.stages[str(sample.stage)] += 1
        self.origins.update(image.origin for image in sample.images)
        not_run = said.get("not_run")
        self.not_run.update(str(name) for name in (not_run if isinstance(not_run, list) else ()))
        if said.get("licence"):
            self.licences[str(said["licence"])] += 1
        for role in ("producer", "synth", "llm", "renderer", "scorer", "template"):
            self._made_by(role, sample.ability, said.get(role))

    @property
    def several_pictures(self) -> str:
        """How a note about samples with several pictures begins: "3 samples have several pictures"."""
        return samples_that(self.multi_image, "has several pictures", "have several pictures")

    def _made_by(self, role: str, ability: str, what: Any) -> None:
        """Keep each distinct model or template once, whole, in the order of appearance."""
        if what is None:
            return
        kept = self.made_by.setdefault(role, {})
        if role == "template" and isinstance(what, dict):
            what = {"ability": ability, **what}
        if len(kept) < _MAX_DISTINCT:
            kept.setdefault(json.dumps(what, sort_keys=True), what)

    def refuse_previews(self, allowed: bool) -> None:
        """Previews show what a run would look like; a model trained on them learns clip art."""
        if self.previews and not allowed:
            raise SynthError(
                f"{self.previews} of {self.samples} samples of {self.run} have preview pictures, which are "
                "compositions of clip art and not training data.",
                "To try a trainer with them all the same, add --allow-preview. 'synth doctor' lists the renderers "
                "that are installed; real pictures need a text-to-image renderer.",
            )


def samples_that(count: int, one: str, more: str) -> str:
    """A number of samples with its verb: "1 sample has ...", "3 samples have ..."."""
    return f"1 sample {one}" if count == 1 else f"{count} samples {more}"


def survey(source: Path) -> Survey:
    """Read the data set once.

    Raises:
        SynthError: it is not there, empty, of a newer version, or has a bad row.
    """
    if source.is_dir() or not source.exists():
        run, dataset = source, source / DATASET_FILE
        if not dataset.is_file():
            require_run(source)
            raise RunRefused(
                f"{source} has no {DATASET_FILE}: the run was stopped before it could leave one.",
                "Start the same 'synth generate' again; it goes on where it stopped.",
            )
    else:
        run, dataset = source.parent, source
    _refuse_newer(run)
    found = Survey(run, dataset)
    for sample in read_dataset(dataset):
        found.add(sample)
    if not found.samples:
        hint = f"Look why with: synth report {run}" if is_run(run) else "Give another data set."
        raise SynthError(f"{dataset} has no samples, so there is nothing to export.", hint)
    return found


def _refuse_newer(run: Path) -> None:
    """A newer synth may mean something else by the same files. A ledger that cannot be read says nothing
    about its version, and a data set can outlive it."""
    if not is_run(run):
        return
    try:
        Ledger(run, read_only=True)
    except NewerVersion:
        raise
    except SynthError:
        return


def _has_no_picture(image: Image) -> bool:
    return image.path is None or image.origin == "none"
