"""LLaVA-NeXT: the list of LLaVA-1.5, but `image` may be a list, and a YAML file that names the lists to train on.

What its `llava/train/train.py` does with them decides the layout: the images of a whole batch stand in one row
and are handed out to the `<image>` of the texts in their order, so placeholders and images must match to
the number. A turn with exactly one `<image>` gets it moved to its start; several in a turn, and those of other
turns, stay where they are.
"""

from __future__ import annotations

from typing import Any

from synth.export.base import Export, Exported
from synth.export.llava import conversations
from synth.records import Sample

FILE_NAME = "llava-next.json"
LIST_NAME = "llava-next.yaml"


def export_llava_next(export: Export) -> Exported:
    """Write `llava-next.json`, row by row, and `llava-next.yaml`, which names it."""
    export.require_pictures()
    with export.json_list(FILE_NAME) as add:
        for sample in export.samples():
            add(_row(sample))
    with export.text_file(LIST_NAME) as file:
        file.write(f"datasets:\n  - json_path: {FILE_NAME}\n    sampling_strategy: all\n")
    return Exported(
        FILE_NAME,
        usage=f"python llava/train/train_mem.py --data_path {LIST_NAME} --image_folder . ...",
        settings={"data_path": LIST_NAME, "image_folder": "."},
    )


def _row(sample: Sample) -> dict[str, Any]:
    row: dict[str, Any] = {"id": sample.id}
    paths = [image.path for image in sample.images]
    if paths:
        row["image"] = paths if len(paths) > 1 else paths[0]
    row["conversations"] = conversations(sample)
    return row
