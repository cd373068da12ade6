"""The errors synth raises on purpose, so that every message names a cause and a fix.

Anything that is not a `SynthError` and reaches the command line is a bug in synth.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synth.backends.llm.base import ChatReply


def dotted(path: Sequence[str | int]) -> str:
    """The field at `path`, as messages name it: places in a list, which are numbers, count from 1 there.

    A number before pydantic's "[key]" is no place but a key that should have been a text.
    """
    behind = zip_longest(path, path[1:])
    return ".".join(str(part + 1 if isinstance(part, int) and then != "[key]" else part) for part, then in behind)


class SynthError(Exception):
    """A problem the user can act on.

    Args:
        message: what is wrong, naming the file, row or field.
        fix: what to do about it; printed on its own line.
    """

    exit_code = 2  # docs/cli.md has the table

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n{self.fix}" if self.fix else self.message


class MissingExtra(SynthError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, wanted_for: str) -> None:
        super().__init__(
            f"{wanted_for} needs the package '{package}', which is not installed.",
            f"Install it with: pip install 'synth-vlit[{extra}]'",
        )


class BackendError(SynthError):
    """A backend, a filter or the disk cannot go on; the run stops and can be resumed.

    Not for what the command line or a file says wrongly: that is a plain `SynthError`.
    """

    exit_code = 4


class ReplyError(SynthError):
    """One reply of a language model is unusable; only its candidate is affected.

    Args:
        reply: what came back all the same; its tokens were paid for and are counted.
    """

    def __init__(self, message: str, fix: str = "", reply: ChatReply | None = None) -> None:
        super().__init__(message, fix)
        self.reply = reply


class PictureRefused(SynthError):
    """Whoever renders will not draw this one prompt; only its candidate is affected."""


class RunStopped(SynthError):
    """The run ended before it had all samples; what it has is kept and complete."""

    exit_code = 3


class RunRefused(SynthError):
    """The run folder cannot be used: locked, of a newer version, or of another identity."""

    exit_code = 5


class NewerVersion(RunRefused):
    """A file was written in a version of its format that this synth does not know."""

    def __init__(self, where: str, what: str, found: object, known: int) -> None:
        super().__init__(
            f"{where} was written by a newer synth ({what} version {found}, this one reads {known}).",
            "Update with: pip install -U synth-vlit",
        )
