"""LLaMA-Factory: a list of `{id, messages: [{role, content}], images}` and the `dataset_info.json` that declares it.

LLaMA-Factory looks for pictures below `--media_dir`, which is `--dataset_dir` unless given, and refuses a
sample whose `<image>` are not as many as its images. `images` is there in every row, empty for text alone:
the rows become one table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from synth.errors import SynthError
from synth.export.base import Export, Exported
from synth.records import Sample

FILE_NAME = "llama-factory.json"
INFO_NAME = "dataset_info.json"
DATASET = "synth"
_INFO = {
    DATASET: {
        "file_name": FILE_NAME,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    }
}
#: stand for media of other kinds, wherever they occur in a text
_RESERVED = ("<video>", "<audio>")
#: tokens: of a picture at the default `--image_max_pixels`, of a long question with its answer, of all around them
_PICTURE, _TURN, _FRAME = 730, 170, 500


def export_llama_factory(export: Export) -> Exported:
    """Write `llama-factory.json`, row by row, and `dataset_info.json`."""
    export.require_pictures()
    with export.json_list(FILE_NAME) as add:
        for sample in export.samples():
            add(_row(sample))
    with export.text_file(INFO_NAME) as file:
        file.write(json.dumps(_INFO, indent=2) + "\n")
    return Exported(
        FILE_NAME,
        usage=f"llamafactory-cli train --dataset_dir . --dataset {DATASET} ...",
        settings={"dataset_dir": ".", "media_dir": ".", "dataset": DATASET},
        notes=tuple(_notes(export)),
    )


def _notes(export: Export) -> Iterator[str]:
    yield (
        "Pictures are looked for below `--media_dir`, which is `--dataset_dir` unless you give it. Where you enter the "
        f"list into a `{INFO_NAME}` of your own, `--media_dir` is this folder."
    )
    most = export.survey.most_images
    if most > 1:
        cutoff = math.ceil((most * (_PICTURE + _TURN) + _FRAME) / 1024) * 1024
        yield (
            f"{export.survey.multi_image} samples have several pictures, up to {most}: give a larger `--cutoff_len` "
            f"than the default of 2048, such as {cutoff}. With `qwen2_vl` a picture of 768 by 768 pixels or more "
            f"(`--image_max_pixels`) takes about {_PICTURE} tokens, and what is cut off are image tokens, after which "
            "training fails."
        )


def _row(sample: Sample) -> dict[str, Any]:
    for turn in sample.turns:
        for word in _RESERVED:
            if word in turn.text:
                raise SynthError(
                    f"Sample '{sample.id}' has {word} in a text, for which LLaMA-Factory would look for a file.",
                    "Remove its row from the data set.",
                )
    return {
        "id": sample.id,
        "messages": [{"role": turn.role, "content": turn.text} for turn in sample.turns],
        "images": [image.path for image in sample.images],
    }
