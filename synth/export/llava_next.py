"""LLaVA-NeXT: the list of LLaVA-1.5, but `image` may be a list, and a YAML file that names the lists to train on.

What its `llava/train/train.py` does with them decides the layout: the images of a whole batch stand in one row
and are handed out to the `<image>` of the texts in their order, so placeholders and images must match to
the number. A turn with exactly one `<image>` gets it moved to its start; several in a turn, and those of other
turns, stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
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
        usage=f"python PATH/TO/LLaVA-NeXT/llava/train/train_mem.py --data_path {LIST_NAME} --image_folder . ...",
        settings={"data_path": LIST_NAME, "image_folder": "."},
        notes=tuple(_notes(export)),
    )


def _notes(export: Export) -> Iterator[str]:
    yield (
        f"`{LIST_NAME}` names the list relative to the folder in which the trainer is started: start it here, or write "
        "the path there."
    )
    if not export.survey.multi_image:
        return
    yield (
        f"{export.survey.several_pictures}: train with a conversation version such as "
        "`--version qwen_1_5`. `--version plain` (the alignment of the projector) keeps one `<image>` per sample and "
        "shifts the pictures of all that follow."
    )
    yield (
        "Each of several pictures is padded to a square and encoded as one tile, whatever `--image_aspect_ratio` says; "
        "that holds for single ones only."
    )


def _row(sample: Sample) -> dict[str, Any]:
    row: dict[str, Any] = {"id": sample.id}
    paths = [image.path for image in sample.images]
    if paths:
        row["image"] = paths if len(paths) > 1 else paths[0]
    row["conversations"] = conversations(sample)
    return row
