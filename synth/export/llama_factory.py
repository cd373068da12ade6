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
#: `--cutoff_len` and `--image_max_pixels` unless they are given
_CUTOFF, _MOST_PIXELS = 2048, 768 * 768
#: Qwen2-VL makes a token of so many pixels a side, of the smallest picture four, and two around each
_SIDE, _FEWEST, _AROUND = 28, 4, 2
#: characters in a token of English, at the least; tokens around a turn, and of the template's own words
_CHARACTERS, _TURN, _FRAME = 3, 8, 64
#: what is proposed is a multiple of it
_STEP = 256


def export_llama_factory(export: Export) -> Exported:
    """Write `llama-factory.json`, row by row, and `dataset_info.json`."""
    export.require_pictures()
    with export.json_list(FILE_NAME) as add:
        longest = 0
        for sample in export.samples():
            add(_row(sample))
            longest = max(longest, _tokens(sample))
    with export.text_file(INFO_NAME) as file:
        file.write(json.dumps(_INFO, indent=2) + "\n")
    return Exported(
        FILE_NAME,
        usage=f"llamafactory-cli train --dataset_dir . --dataset {DATASET} ...",
        settings={"dataset_dir": ".", "media_dir": ".", "dataset": DATASET},
        notes=tuple(_notes(export, longest)),
    )


def _notes(export: Export, longest: int) -> Iterator[str]:
    yield (
        "Pictures are looked for below `--media_dir`, which is `--dataset_dir` unless you give it. Where you enter the "
        f"list into a `{INFO_NAME}` of your own, `--media_dir` is this folder."
    )
    most = export.survey.most_images
    if most > 1:
        cutoff = math.ceil(longest / _STEP) * _STEP
        enough = f"the default `--cutoff_len` of {_CUTOFF} is enough, less may not be"
        more = f"give a larger `--cutoff_len` than the default of {_CUTOFF}, such as {cutoff}"
        yield (
            f"{export.survey.several_pictures}, up to {most}. With `qwen2_vl` and its default `--image_max_pixels` the "
            f"longest sample takes about {longest} tokens: {enough if cutoff <= _CUTOFF else more}. Where image tokens "
            "are cut off, training fails."
        )


def _tokens(sample: Sample) -> int:
    """About as many tokens as the sample takes with `qwen2_vl`, rather a few more."""
    text = sum(_TURN + math.ceil(len(turn.text) / _CHARACTERS) for turn in sample.turns)
    return _FRAME + text + sum(_tokens_of_picture(image.width, image.height) for image in sample.images)


def _tokens_of_picture(width: int, height: int) -> int:
    """Of a picture as it is scaled; one whose size is not known takes the most."""
    pixels = width * height or _MOST_PIXELS
    sides = (width, height) if width * height else (math.isqrt(_MOST_PIXELS),) * 2
    scale = min(1, math.sqrt(_MOST_PIXELS / pixels))
    across, down = (max(1, round(side * scale / _SIDE)) for side in sides)
    return _AROUND + max(_FEWEST, across * down)


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
