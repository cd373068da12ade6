"""LLaVA-1.5: a JSON list of `{id, image, conversations: [{from: human|gpt, value}]}`.

One image per sample; `image` is relative to what LLaVA gets as `--image_folder`, which is the
export itself. A sample without images has no `image`, which is how LLaVA tells text-only rows.
"""

from __future__ import annotations

from typing import Any

from synth.export.base import Export, Exported
from synth.records import Sample

FILE_NAME = "llava.json"
_SPEAKERS = {"user": "human", "assistant": "gpt"}


def export_llava(export: Export) -> Exported:
    """Write `llava.json`, row by row."""
    export.require_pictures()
    export.require_single_image()
    with export.json_list(FILE_NAME) as add:
        for sample in export.samples():
            add(_row(sample))
    return Exported(
        FILE_NAME,
        usage=f"python llava/train/train_mem.py --data_path {FILE_NAME} --image_folder . ...",
        settings={"image_folder": "."},
    )


def _row(sample: Sample) -> dict[str, Any]:
    row: dict[str, Any] = {"id": sample.id}
    if sample.images:
        row["image"] = sample.images[0].path
    row["conversations"] = [{"from": _SPEAKERS[turn.role], "value": turn.text} for turn in sample.turns]
    return row
