"""Discovery of plugins through entry points, and nothing else.

The built-in abilities, filters, backends and exporters are found the same way as a stranger's: the
engine knows none of them by name. A plugin that cannot be imported is reported and skipped, so one
broken package never takes the tool down.
"""

from __future__ import annotations

import difflib
import warnings
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from synth.errors import SynthError

GROUPS = {
    "synth.abilities": "ability",
    "synth.keyword_banks": "keyword bank",
    "synth.filters": "filter",
    "synth.llms": "language model",
    "synth.renderers": "renderer",
    "synth.scorers": "scorer",
    "synth.exporters": "export format",
}

#: what the objects of a group have at least
_HAS = {
    "synth.filters": ("check", "Options"),
    "synth.llms": ("create", "available"),
    "synth.renderers": ("create", "available"),
    "synth.scorers": ("create", "available"),
    "synth.exporters": ("__call__",),
}
_OURS = "synth-vlit"


@cache
def discover(group: str) -> dict[str, EntryPoint]:
    """The plugins of a group by name, ours first. Of two with one name, the first is taken."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda p: (_owner(p) != _OURS, p.name, _owner(p))):
        if point.name in found and _owner(found[point.name]) != _owner(point):
            report_taken(group, point.name, _owner(point), _owner(found[point.name]))
        found.setdefault(point.name, point)
    return found


def load(group: str, name: str) -> Any:
    """The object a plugin's entry point names.

    Raises:
        SynthError: no such plugin (names the nearest), or it cannot be imported.
    """
    points = discover(group)
    if name not in points:
        raise unknown(GROUPS[group], name, points)
    point = points[name]
    try:
        found = point.load()
    except SynthError:
        raise
    except (Exception, SystemExit) as error:  # a plugin's import may raise anything
        raise SynthError(
            f"The {GROUPS[group]} '{name}' of the package '{_owner(point)}' cannot be loaded: "
            f"{type(error).__name__}: {error}",
            "Update or uninstall that package.",
        ) from error
    missing = [what for what in _HAS.get(group, ()) if not hasattr(found, what)]
    if missing:
        raise SynthError(
            f"What the package '{_owner(point)}' registers as {GROUPS[group]} '{name}' is none: {found!r} has no "
            f"'{missing[0]}'.",
            "docs/plugins.md says what a plugin is. Update or uninstall that package.",
        )
    return found


def load_all(group: str) -> tuple[dict[str, Any], list[str]]:
    """All plugins of a group that can be loaded, and a message for each that cannot."""
    loaded: dict[str, Any] = {}
    problems = []
    for name in discover(group):
        try:
            loaded[name] = load(group, name)
        except SynthError as error:
            problems.append(error.message)
    return loaded, problems


def report_broken(group: str, name: str, owner: str, error: BaseException) -> None:
    """Warn about a plugin that is skipped, by name."""
    warnings.warn(
        f"the {GROUPS[group]} plugin '{name}' of the package '{owner}' is skipped: {type(error).__name__}: {error}",
        stacklevel=2,
    )


def report_taken(group: str, name: str, owner: str, first: str) -> None:
    """Warn about a plugin whose name another package provides already."""
    warnings.warn(
        f"the {GROUPS[group]} plugin '{name}' of the package '{owner}' is ignored: '{first}' already provides it",
        stacklevel=2,
    )


def unknown(kind: str, name: str, known: Any) -> SynthError:
    """The error for a name that is not there, with the nearest one that is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    return SynthError(f"There is no {kind} '{name}'.", f"{hint}There are: {', '.join(names) or 'none'}.")


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "?"
