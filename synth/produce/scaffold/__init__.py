"""`synth abilities new`: a complete template and keyword bank to start from.

What is written passes `synth abilities check` as it is; the comments say what to change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from synth.catalog import Catalog
from synth.errors import SynthError
from synth.files import not_written
from synth.produce.scaffold.interleaved import interleaved
from synth.produce.scaffold.multi import multi
from synth.produce.scaffold.single import single
from synth.produce.scaffold.things import bank
from synth.records import Form
from synth.template_schema import NAME_PATTERN

#: name and title of an ability to its template
_TEMPLATES: Mapping[Form, Callable[[str, str], str]] = {"single": single, "multi": multi, "interleaved": interleaved}


def scaffold(name: str, folder: Path, form: Form = "single") -> tuple[Path, Path]:
    """Write `templates/NAME.yaml`, for that form, and `keyword_banks/NAME.txt` below `folder`; their paths.

    Raises:
        SynthError: a bad name, one that is taken, or files that are already there.
    """
    if not re.match(NAME_PATTERN, name):
        raise SynthError(
            f"'{name}' cannot be the name of an ability.",
            "Use lower-case letters, digits and underscores, starting with a letter; at most 40.",
        )
    catalog = Catalog()
    for taken, kind in ((catalog.names(), "an ability"), (catalog.bank_names(), "a keyword bank")):
        if name in taken:
            raise SynthError(f"There already is {kind} '{name}'.", "Choose another name; yours would hide it.")
    template = folder / "templates" / f"{name}.yaml"
    words = folder / "keyword_banks" / f"{name}.txt"
    for path in (template, words):
        if path.exists():
            raise SynthError(f"{path} is already there.", "Remove it, or choose another name or --dir.")
    title = name.replace("_", " ").capitalize()
    try:
        for path, text in ((template, _TEMPLATES[form](name, title)), (words, bank(name, title))):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise not_written(path, error) from error
    return template, words
