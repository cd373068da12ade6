"""`dataset.jsonl`: the accepted candidates as samples, derived from the ledger.

It holds no times and no machine paths, so that two runs with the same identity and deterministic
backends give the same bytes. docs/dataset-format.md describes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synth import __version__
from synth.config import RunConfig
from synth.errors import BackendError, SynthError
from synth.ledger import Ledger
from synth.records import DATASET_VERSION, Candidate, Sample
from synth.run.folder import DATASET_FILE, require_run


def to_sample(candidate: Candidate, identity: dict[str, Any]) -> Sample:
    """An accepted candidate as a sample, with the provenance of its run."""
    template = identity["abilities"][candidate.ability]
    llm = identity["llm"]
    scores = dict(candidate.scores)
    for verdict in candidate.verdicts:
        if verdict.outcome == "pass" and verdict.score is not None:
            scores[f"{verdict.filter}.{verdict.stage}"] = verdict.score
    provenance = {
        "format": DATASET_VERSION,
        "synth": __version__,
        "producer": "synthesize",
        "synthetic": True,
        "preview": any(image.origin == "preview" for image in candidate.images),
        "scripted": bool(llm and llm.get("scripted")),
        "template": template,
        "llm": llm,
        "renderer": identity["renderer"],
        "scorer": identity["scorer"],
        "licence": (identity["renderer"] or {}).get("attribution", ""),
        "seed": candidate.seed,
        "round": candidate.round,
        "examples": candidate.examples,
        "plan": {slot: entry.text for slot, entry in candidate.plan.items()},
        "facts": candidate.facts,
        "not_run": sorted({v.filter for v in candidate.verdicts if v.outcome == "not_run"}),
    }
    return Sample(
        id=candidate.id,
        ability=candidate.ability,
        form=candidate.form,
        stage=candidate.stage,
        images=candidate.images,
        turns=candidate.turns,
        scores=scores,
        provenance=provenance,
    )


def samples(ledger: Ledger, config: RunConfig) -> Iterator[Sample]:
    """The samples of a run: per ability the first n accepted by index, one at a time."""
    identity = ledger.meta("identity")
    kept = ("accepted", "surplus") if identity["renderer"] else ("accepted", "surplus", "text_ok")
    for ability, n in config.abilities.items():
        for candidate in ledger.candidates(ability, kept, limit=n):
            yield to_sample(candidate, identity)


def write_dataset(folder: Path, ledger: Ledger, config: RunConfig) -> int:
    """Write `dataset.jsonl` and return the number of samples; memory stays flat."""
    target = folder / DATASET_FILE
    temporary = target.with_name(f"{DATASET_FILE}.part")
    count = 0
    try:
        with open(temporary, "wb") as file:
            for sample in samples(ledger, config):
                file.write(sample.to_json() + b"\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        raise BackendError(
            f"{target} cannot be written: {error.strerror}.", "Free some disk space, then run the command again."
        ) from error
    return count


def read_dataset(path: str | Path) -> Iterator[Sample]:
    """The samples of a run folder or of a `dataset.jsonl`, one at a time.

    Raises:
        SynthError: naming file, line and field of the first bad row.
    """
    from pydantic import ValidationError

    path = Path(path)
    if path.is_dir():
        require_run(path)
        path = path / DATASET_FILE
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield Sample.from_json(line)
                    except ValidationError as error:
                        first = error.errors()[0]
                        field = ".".join(map(str, first["loc"]))
                        raise SynthError(
                            f"{path}, line {number}: {field or 'row'}: {first['msg']}.",
                            "docs/dataset-format.md describes the rows.",
                        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SynthError(f"{path} cannot be read: {error}.", "Give a run folder or a dataset.jsonl.") from error
