"""`dataset.jsonl`: the accepted candidates as samples, derived from the ledger.

It holds no times and no machine paths, so that two runs with the same identity and deterministic
backends give the same bytes. docs/dataset-format.md describes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synth.config import RunConfig
from synth.errors import NewerVersion, SynthError, dotted
from synth.files import whole_file
from synth.ledger import Ledger
from synth.records import DATASET_VERSION, Candidate, Entry, Sample
from synth.run.chains import layers_of, options_now
from synth.run.folder import DATASET_FILE, require_run
from synth.run.standing import kept_states


def to_sample(
    candidate: Candidate, identity: dict[str, Any], refilter: Mapping[str, Mapping[str, Any]] | None = None
) -> Sample:
    """An accepted candidate as a sample, with the provenance of its run. `refilter` are the options of the
    newest layer of decisions: filter to option to value."""
    template = identity["abilities"][candidate.ability]
    llm = identity["llm"]
    scores = dict(candidate.scores)
    for verdict in candidate.verdicts_now:
        if verdict.outcome == "pass" and verdict.score is not None:
            scores[f"{verdict.filter}.{verdict.stage}"] = verdict.score
    provenance = {
        "format": DATASET_VERSION,
        "synth": candidate.synth,
        "producer": "synthesize",
        "synthetic": True,
        "preview": any(image.origin == "preview" for image in candidate.images),
        "scripted": bool(llm and llm.get("scripted")),
        "template": template,
        "llm": llm,
        "sampling": {
            **identity.get("sampling", {}),
            "temperature": {call.step: call.temperature for call in candidate.calls},  # the last one was taken
        },
        "renderer": identity["renderer"],
        "scorer": identity["scorer"],
        "licence": (identity["renderer"] or {}).get("attribution", ""),
        "seed": candidate.seed,
        "round": candidate.round,
        "examples": candidate.examples,
        "plan": _texts(candidate.plan),
        **({"picture_plans": [_texts(own) for own in candidate.picture_plans]} if candidate.picture_plans else {}),
        "facts": candidate.facts,
        "not_run": sorted({v.filter for v in candidate.verdicts_now if v.outcome == "not_run"}),
        **({"refilter": refilter} if refilter else {}),
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


def _texts(plan: Mapping[str, Entry]) -> dict[str, str]:
    return {slot: entry.text for slot, entry in plan.items()}


def samples(ledger: Ledger, config: RunConfig) -> Iterator[Sample]:
    """The samples of a run: per ability the first n accepted by index, one at a time."""
    identity = ledger.meta("identity")
    kept = kept_states(identity)
    refilter = options_now(layers_of(ledger))
    for ability, n in config.abilities.items():
        for candidate in ledger.candidates(ability, kept, limit=n):
            yield to_sample(candidate, identity, refilter)


def write_dataset(folder: Path, ledger: Ledger, config: RunConfig) -> int:
    """Write `dataset.jsonl` and return the number of samples; memory stays flat."""
    count = 0
    with whole_file(folder / DATASET_FILE) as file:
        for sample in samples(ledger, config):
            file.write(sample.to_json() + b"\n")
            count += 1
    return count


def read_dataset(path: str | Path) -> Iterator[Sample]:
    """The samples of a run folder or of a `dataset.jsonl`, one at a time.

    Raises:
        SynthError: naming file, line and field of the first bad row.
        NewerVersion: a row is of a version of the format that this synth does not know.
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
                        sample = Sample.from_json(line)
                    except ValidationError as error:
                        _refuse_newer(path, number, _provenance(line))
                        first = error.errors()[0]
                        field = dotted(first["loc"])
                        raise SynthError(
                            f"{path}, line {number}: {field or 'row'}: {first['msg']}.",
                            "docs/dataset-format.md describes the rows.",
                        ) from error
                    _refuse_newer(path, number, sample.provenance)
                    yield sample
    except (OSError, UnicodeDecodeError) as error:
        raise SynthError(f"{path} cannot be read: {error}.", "Give a run folder or a dataset.jsonl.") from error


def _refuse_newer(path: Path, line: int, provenance: Any) -> None:
    found = provenance.get("format") if isinstance(provenance, dict) else None
    if isinstance(found, int) and found > DATASET_VERSION:
        raise NewerVersion(f"{path}, line {line}", "data set", found, DATASET_VERSION)


def _provenance(line: str) -> Any:
    """The provenance of a row that is no sample to us, if it has one."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row.get("provenance") if isinstance(row, dict) else None
