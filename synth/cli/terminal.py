"""What all commands share: printing, errors, tables, and groups that know names."""

from __future__ import annotations

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from synth.errors import SynthError

_ISSUES = "the maintainers of synth-vlit"
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\n\t"}


class Root(TyperGroup):
    """Turns the errors that synth raises on purpose into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            value = super().invoke(ctx)
            sys.stdout.flush()
            return value
        except SynthError as error:
            print_error(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            print_error(SynthError("Interrupted.", "Run the same command again to go on."))
            raise typer.Exit(130) from error
        except BrokenPipeError as error:  # e.g. `synth show ... | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            print_error(SynthError(f"{error.filename}: the name is too long.", "Give a shorter one."))
            raise typer.Exit(2) from error


class NameOrCommand(TyperGroup):
    """A group whose first argument may be a name: `synth abilities color` runs `show color`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


def say(text: object = "") -> None:
    """A line on stdout. On a terminal, control characters in it are shown and not obeyed: prompts
    and replies come from models and data sets, which nobody has read yet."""
    line = str(text)
    typer.echo(visible(line) if sys.stdout.isatty() else line)


def heading(text: str) -> None:
    typer.secho(text, bold=True)


def note(text: object = "", out: TextIO | None = None) -> None:
    """A line on stderr (or on `out`), for what is not the result of the command."""
    typer.echo(visible(str(text)), out, err=True)


def visible(text: str) -> str:
    """Control characters as \\x1b and the like."""
    return text.translate(_CONTROL)


def print_error(error: SynthError) -> None:
    typer.secho("Error: ", fg="red", bold=True, nl=False, err=True)
    note(error.message)
    if error.fix:
        typer.secho("Fix: ", fg="green", bold=True, nl=False, err=True)
        note(error.fix)


def report_bug(error: BaseException) -> None:
    """A traceback and a request to report it: whatever is not a `SynthError` is a bug."""
    traceback.print_exception(error, file=sys.stderr)
    note(f"This is a bug in synth. Please report it to {_ISSUES}, with the lines above and your command.")


def show_warnings() -> None:
    """Warnings (a plugin that is skipped, ...) as one line on stderr."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        note(f"Warning: {message}")

    warnings.showwarning = show


def table(rows: Sequence[Sequence[object]], header: Sequence[str] = (), indent: str = "") -> str:
    """Aligned columns; numbers to the right, the last column as it is."""
    cells = [[str(cell) for cell in row] for row in ([header, *rows] if header else rows)]
    if not cells:
        return ""
    numeric = [all(isinstance(row[at], int | float) for row in rows) for at in range(len(cells[0]))]
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    lines = []
    for row in cells:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        lines.append((indent + "  ".join(padded)).rstrip())
    return "\n".join(lines)


def size(count: float) -> str:
    """Bytes for people: 4.8 GB."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds for people: 1 h 04 min."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
