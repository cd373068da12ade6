"""LLaVA-1.5: a JSON list of `{id, image, conversations: [{from: human|gpt, value}]}`.

One image per sample; `image` is relative to what LLaVA gets as `--image_folder`, which is the
export itself. A sample without images has no `image`, which is how LLaVA tells text-only rows.
Several images fit only as one: a collage, on request.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synth.export.base import Export, Exported
from synth.export.collage import columns
from synth.records import Sample

FILE_NAME = "llava.json"
#: pixels a side of what the vision encoder sees
_ENCODED = 336
_SPEAKERS = {"user": "human", "assistant": "gpt"}


def export_llava(export: Export, *, collage: bool = False) -> Exported:
    """Write `llava.json`, row by row; with `collage`, the images of a sample that has several become one."""
    export.require_pictures()
    if not collage:
        export.require_single_image("Add --collage to put the images of such a sample into one picture")
    with export.json_list(FILE_NAME) as add:
        for sample in export.samples(collage=collage):
            add(_row(sample))
    return Exported(
        FILE_NAME,
        usage=f"python PATH/TO/LLaVA/llava/train/train_mem.py --data_path {FILE_NAME} --image_folder . ...",
        settings={"image_folder": "."},
        notes=tuple(_notes(export)),
    )


def _notes(export: Export) -> Iterator[str]:
    if not export.collages:
        return
    most = export.survey.most_images
    side = _ENCODED // columns(most)
    yield (
        "Collages are square, so LLaVA-1.5 sees them whole, with or without `--image_aspect_ratio pad`. It sees "
        f"{_ENCODED} by {_ENCODED} pixels: where there are {most} pictures, each has at most {side} by {side} of them, "
        "so small things in them are lost."
    )
    yield (
        'Their pictures stand in reading order, without numbers: "the second image" of a text is the second in that '
        "order."
    )
    if export.survey.forms["interleaved"]:
        yield (
            "A collage of an interleaved sample shows all its pictures from the first turn on; the n-th turn speaks of "
            "the n-th."
        )


def _row(sample: Sample) -> dict[str, Any]:
    row: dict[str, Any] = {"id": sample.id}
    if sample.images:
        row["image"] = sample.images[0].path
    row["conversations"] = conversations(sample)
    return row


def conversations(sample: Sample) -> list[dict[str, str]]:
    """The turns as all of the LLaVA family know them."""
    return [{"from": _SPEAKERS[turn.role], "value": turn.text} for turn in sample.turns]
