"""The options of an export format, as the keyword-only parameters of its function declare them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from synth.errors import SynthError
from synth.export.base import Exporter


def checked_options(exporter: Exporter, format: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, each value as the declared type reads it.

    Raises:
        SynthError: an option that the format does not have, or a value that is none of its type.
    """
    if not given:
        return {}
    parameters = inspect.signature(exporter, eval_str=True).parameters.values()
    types = {one.name: one.annotation for one in parameters if one.kind is one.KEYWORD_ONLY}
    checked = {}
    for name, value in given.items():
        if name not in types:
            has = f"It has: {', '.join(types)}." if types else "It has no options."
            raise SynthError(f"The export format '{format}' has no option '{name}'.", f"Leave it out. {has}")
        try:
            checked[name] = TypeAdapter(types[name]).validate_python(value)
        except ValidationError as error:
            said = error.errors()[0]["msg"]
            raise SynthError(
                f"The option '{name}' of the export format '{format}' cannot be {value!r}: {said}.",
                f"Give another value: --set {name}=VALUE.",
            ) from error
    return checked
