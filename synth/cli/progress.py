"""Live progress of a run: bars on a terminal, a line every few seconds elsewhere.

A thread polls the run's counters; the run itself knows nothing of it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from synth.cli.terminal import duration, note
from synth.errors import SynthError

if TYPE_CHECKING:
    from synth.flow.tally import AbilityTally, Tally
    from synth.run.generate import Announcement

_WINDOW = 60.0
_FRAME, _LINE = 0.2, 5.0


class Pace:
    """A rate over the last minute, so that it tells about now; for ETAs and tokens per second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._points: deque[tuple[float, float]] = deque()

    def add(self, value: float) -> float:
        """Note the counter's value; the rate per second."""
        now = self._clock()
        self._points.append((now, value))
        while len(self._points) > 2 and now - self._points[0][0] > _WINDOW:
            self._points.popleft()
        began, first = self._points[0]
        return (value - first) / (now - began) if now > began else 0.0


class Watcher:
    """The `watch` argument of `generate`: announces, shows progress, and explains early ends."""

    def __init__(self) -> None:
        self._tally: Tally | None = None
        self._announcement: Announcement | None = None

    @contextmanager
    def __call__(self, tally: Tally, announcement: Announcement) -> Iterator[None]:
        self._tally, self._announcement = tally, announcement
        announce(announcement)
        done = threading.Event()
        target = _draw_bars if sys.stderr.isatty() else _write_lines
        with _own_stderr() as out:
            thread = threading.Thread(target=target, args=(tally, done, out), name="progress", daemon=True)
            thread.start()
            try:
                yield
            finally:
                done.set()
                thread.join()

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """When the run ends by an error, say first what it has made so far, if it has made anything."""
        try:
            yield
        except SynthError:
            tallies = self._tally.abilities if self._tally is not None else {}
            if self._announcement is not None and any(one.tried for one in tallies.values()):
                for name, one in tallies.items():
                    note(progress_line(name, one))
                note(f"Look: synth status {self._announcement.folder}")
            raise


@contextmanager
def _own_stderr() -> Iterator[TextIO]:
    """Where stderr goes now: while vLLM loads, for minutes, what is written to stderr goes into its log."""
    copy = -1
    with suppress(OSError, ValueError):  # a stderr that is no file, of a notebook or a test
        copy = os.dup(sys.stderr.fileno())
    if copy < 0:
        yield sys.stderr
        return
    with open(copy, "w", encoding=sys.stderr.encoding, errors="backslashreplace", buffering=1) as own:
        yield own


def announce(announcement: Announcement) -> None:
    """Which folder, which backends, and why those."""
    note(f"{'Going on with' if announcement.resumed else 'New run in'} {announcement.folder}")
    for role, name in announcement.backends.items():
        why = announcement.reasons.get(role, "")
        note(f"  {role:9}{name}{f' ({why})' if why else ''}")
    if announcement.refilter:
        note(f"  refilter {announcement.refilter} (decides about new candidates, too)")


def progress_line(name: str, one: AbilityTally) -> str:
    """`abnormal: 12/24 accepted of 15 candidates; rejected: length 2, repetition 1`."""
    text = f"{name}: {one.accepted}/{one.wanted} accepted of {one.tried} candidates"
    dropped = dict(one.dropped)  # the run counts on while we read
    return f"{text}; {drops(dropped)}" if dropped else text


def drops(dropped: dict[str, int]) -> str:
    """`rejected: length 2, repetition 1; failed: write 1`, the most frequent first."""
    by_state: dict[str, list[str]] = {}
    for key, count in sorted(dropped.items(), key=lambda item: (-item[1], item[0])):
        state, _, what = key.partition(": ")
        by_state.setdefault(state, []).append(f"{what} {count}")
    return "; ".join(f"{state}: {', '.join(whats)}" for state, whats in by_state.items())


def _tokens(tally: Tally) -> int:
    return tally.prompt_tokens + tally.completion_tokens


def _write_lines(tally: Tally, done: threading.Event, out: TextIO) -> None:
    paces = {name: Pace() for name in tally.abilities}
    tokens = Pace()
    for name, pace in paces.items():
        pace.add(tally.abilities[name].accepted)
    tokens.add(_tokens(tally))
    while not done.wait(_LINE):
        rate = tokens.add(_tokens(tally))
        for name, one in tally.abilities.items():
            speed = paces[name].add(one.accepted)
            quick = f"{60 * speed:.1f}/min, {_eta(one, speed)}, {rate:.0f} tokens/s"
            note(f"{progress_line(name, one)}; {quick}", out)
        if waiting := tally.waiting:
            note(f"  {waiting}", out)


def _eta(one: AbilityTally, speed: float) -> str:
    missing = max(0, one.wanted - one.accepted)
    if not missing:
        return "finishing"
    return f"{duration(missing / speed)} left" if speed > 0 else "time left unknown"


def _draw_bars(tally: Tally, done: threading.Event, out: TextIO) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=20),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[note]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
    )
    paces = {name: Pace() for name in tally.abilities}
    tokens = Pace()
    with Progress(*columns, console=Console(file=out), transient=True, expand=True) as bars:
        tasks = {name: bars.add_task(escape(name), total=one.wanted, note="") for name, one in tally.abilities.items()}
        last = False
        while not last:
            last = done.wait(_FRAME)
            rate = tokens.add(_tokens(tally))
            waiting = tally.waiting
            for name, one in tally.abilities.items():
                speed = paces[name].add(one.accepted)
                text = f"{waiting} · " if waiting else ""
                text += f"{60 * speed:.1f}/min, {_eta(one, speed)}, {rate:.0f} tokens/s"
                dropped = drops(dict(one.dropped))
                text += f" · {dropped}" if dropped else ""
                bars.update(tasks[name], completed=min(one.accepted, one.wanted), note=escape(text))
