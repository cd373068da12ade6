"""Memory of a run of mixed forms: single pictures, several pictures, interleaved conversations.

The scripted model writes and the preview renderer draws, small, so that pictures go through all of the run:
rendered, scored, judged, written. The resident memory of the run's process is noted as samples are committed; flat
means that the second half needs little more than the first. What grows is the index of the repetition filter.

    python benchmarks/mixed_forms.py                 # 20,000 samples, pictures of 96 x 96
    python benchmarks/mixed_forms.py --samples 2000
    python benchmarks/mixed_forms.py --no-pictures   # texts alone
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: shares of the samples; abilities whose banks are small cannot make many that the repetition filter lets pass
SHARES = {
    "similarity": 0.32,
    "difference": 0.32,
    "story": 0.08,
    "howto": 0.015,
    "logical_relation": 0.01,
    "compare_shop": 0.003,
    "abnormal": 0.252,
}
#: fewer notes than this at the start are the time in which libraries are loaded
WARM = 0.1


def resident() -> float:
    """MB of this process in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def watching(count: dict[str, int], notes: list[tuple[int, float]]) -> Iterator[None]:
    """Note how many candidates have ended and how much memory there is, once a second."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(1.0):
            notes.append((count["tried"], resident()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--no-pictures", action="store_true")
    parser.add_argument("--out", type=Path, help="keep the run in this folder")
    arguments = parser.parse_args()

    import synth
    from synth.flow.tally import Tally

    count = {"tried": 0}
    finished = Tally.finished

    def counted(tally: Tally, candidate: object) -> None:
        finished(tally, candidate)  # type: ignore[arg-type]
        count["tried"] += 1

    Tally.finished = counted  # type: ignore[method-assign, assignment]
    wanted = {name: max(round(share * arguments.samples), 1) for name, share in SHARES.items()}
    notes: list[tuple[int, float]] = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, watching(count, notes):
        summary = synth.generate(
            wanted,
            llm="scripted",
            renderer="none" if arguments.no_pictures else "preview",
            out=arguments.out or Path(scratch) / "run",
            max_candidates=3 * max(wanted.values()),
            **{"render_settings.width": 96, "render_settings.height": 96, "flow.stop_after": 100_000},
        )
        pictures = sum(1 for _ in summary.folder.glob("images/**/*.jpg"))
    seconds = time.perf_counter() - began
    tried = count["tried"]
    speed = f"{seconds:.0f} s, {tried / seconds:.0f} candidates/s"
    print(f"{summary.samples} samples of {tried} candidates, {pictures} pictures, {speed}")
    if summary.missing:
        print("too few:", ", ".join(f"{name} {missing}" for name, missing in summary.missing.items()))
    warm = [(at, memory) for at, memory in notes if at >= WARM * tried] or notes
    for share in (0.1, 0.25, 0.5, 0.75, 1.0):
        at, memory = min(warm, key=lambda note: abs(note[0] - share * tried))
        print(f"  after {at:>7,} candidates: {memory:6.1f} MB")
    first, last = warm[0], warm[-1]
    if last[0] > first[0]:
        print(f"  growth: {1000 * (last[1] - first[1]) / (last[0] - first[0]):.2f} KB per candidate")


if __name__ == "__main__":
    main()
