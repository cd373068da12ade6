"""The HTML page about a run: one file that opens anywhere, offline, and shows what came out and why.

`gather` reads the ledger once; `page` turns what it found into HTML. All text of a run is
untrusted: it is escaped by the template, and the page's own policy lets nothing else run or load.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from synth.errors import RunRefused
from synth.files import not_written, whole_file
from synth.ledger import Ledger
from synth.run.folder import require_run

__all__ = ["write_report"]

REPORT_FILE = "report.html"
_MARK = b'content="synth report"'


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the page about `run` to `out` (a file or a folder; default: the run) and return its path.

    It may be called while the run is going on: it reads what is committed so far.

    Raises:
        RunRefused: `run` is no run, or `out` is a file that is no report.
    """
    from synth.report.gather import gather
    from synth.report.page import render

    require_run(run)
    target = run / REPORT_FILE if out is None else out / REPORT_FILE if out.is_dir() else out
    if out is not None:
        _refuse_other(target)
    with closing(Ledger(run, read_only=True)) as ledger:
        text = render(gather(ledger), run)
    with whole_file(target, new_folders=True) as file:
        file.write(text.encode())
    return target


def _refuse_other(target: Path) -> None:
    """A report may take the place of a report, and of nothing else: a ledger is soon named by mistake."""
    try:
        with open(target, "rb") as file:
            if _MARK in file.read(1000):
                return
    except FileNotFoundError:
        return
    except OSError as error:
        raise not_written(target, error) from error
    raise RunRefused(f"--out {target} is there already and is no report.", "Choose another --out, or remove the file.")
