"""Kills a run with SIGKILL at random moments, resumes it each time, and compares what it leaves
with an uninterrupted run: data set, export and pictures must be the same bytes.

    python tests/killing.py --kills 20 --n 2000                      # scripted + preview
    python tests/killing.py --kills 5 --n 24 --llm llamacpp          # a real model: nothing committed changes
    python tests/killing.py --ability similarity,howto,color         # n of each
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path


def command(out: Path, n: int, llm: str, renderer: str, ability: str, *more: str) -> list[str]:
    flags = [flag for name in ability.split(",") for flag in ("--ability", f"{name}={n}")]
    flags += ["--seed", "3", "--out", str(out)]
    return [sys.executable, "-m", "synth.cli", "generate", *flags, "--llm", llm, "--renderer", renderer, *more]


def run_whole(arguments: list[str]) -> None:
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_and_kill(arguments: list[str], seconds: float, run: Path, after_progress: bool) -> bool:
    """Start, wait, SIGKILL; true if the process was still running.

    With `after_progress` the seconds count from the first new row on, so that slow starts do not
    make all kills hit the start.
    """
    before = len(committed(run))
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while after_progress and process.poll() is None and len(committed(run)) == before:
        time.sleep(0.05)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True


def committed(run: Path) -> dict[str, str]:
    """id -> record of every row whose fate is decided."""
    if not (run / "ledger.sqlite").exists():
        return {}
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db:
        try:
            rows = db.execute("SELECT id, record FROM candidates WHERE state != 'text_ok'").fetchall()
        except sqlite3.OperationalError:  # killed before the tables were made
            return {}
    return dict(rows)


def same_but_surplus(old: str, new: str) -> bool:
    """Records are equal; only accepted <-> surplus may change with what is known at the end."""
    one, other = json.loads(old), json.loads(new)
    for record in (one, other):
        if record.get("state") == "surplus":
            record["state"] = "accepted"
    return bool(one == other)


def digests(folder: Path, names: set[str] | None = None) -> dict[str, str]:
    """Relative path -> hash of the files below a folder; of pictures only those in `names`."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (names is None or path.name in names):
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def pictures_of(dataset: Path) -> set[str]:
    with open(dataset, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return {Path(image["path"]).name for row in rows for image in row["images"] if image["path"]}


def pictures_of_rows(run: Path) -> set[str]:
    """The picture files that the ledger's rows name, those of surplus and rejected rows too."""
    records = [json.loads(record) for record in committed(run).values()]
    images = [image for record in records for image in record.get("images", [])]
    return {Path(image["path"]).name for image in images if image.get("path")}


def compare(kills: int, n: int, llm: str, renderer: str, ability: str, work: Path, seed: int = 1, *more: str) -> str:
    """The story above; returns a line about what happened, raises AssertionError on a difference. `more` are
    further flags of the runs."""
    rng = random.Random(seed)
    whole, killed = work / "whole", work / "killed"
    deterministic = llm == "scripted"
    seconds = 30.0
    if deterministic:
        began = time.monotonic()
        run_whole(command(whole, n, llm, renderer, ability, *more))
        seconds = time.monotonic() - began
    hit = 0
    known: dict[str, str] = {}
    while hit < kills:
        after_progress = hit % 3 > 0  # every third kill may hit the start
        wait = rng.uniform(0.0, seconds / kills) if after_progress else rng.uniform(0.2, 2.0)
        finished = not run_and_kill(command(killed, n, llm, renderer, ability, *more), wait, killed, after_progress)
        hit += not finished
        now = committed(killed)
        for id_, record in known.items():
            assert id_ in now, f"{id_} was committed and is gone"
            assert same_but_surplus(record, now[id_]), f"{id_} changed after it was committed"
        known = now
        if finished:  # nothing is left to be killed in the middle of
            break
    assert hit, "every run ended before it could be killed"
    run_whole(command(killed, n, llm, renderer, ability, *more))
    rows = (killed / "dataset.jsonl").read_text().splitlines()
    ids = [json.loads(row)["id"] for row in rows]
    wanted = n * len(ability.split(","))
    assert len(ids) == wanted == len(set(ids)), f"{len(ids)} rows, {len(set(ids))} distinct, wanted {wanted}"
    assert not list(killed.rglob("*.part")), "a half-written file is left"
    named = pictures_of_rows(killed)
    found = {path.name for path in (killed / "images").rglob("*") if path.is_file()}
    assert found == named, f"pictures without a row or rows without a picture: {sorted(found ^ named)[:5]}"
    if deterministic:
        assert (whole / "dataset.jsonl").read_bytes() == (killed / "dataset.jsonl").read_bytes()
        names = pictures_of(whole / "dataset.jsonl")
        assert digests(whole / "images", names) == digests(killed / "images", names)
        for run in (whole, killed):
            export = ["export", str(run), "--format", "llava-next", "--out", str(run) + "-llava", "--allow-preview"]
            run_whole([sys.executable, "-m", "synth.cli", *export])
        one, other = digests(Path(f"{whole}-llava")), digests(Path(f"{killed}-llava"))
        one.pop("README.md", None), other.pop("README.md", None)  # names the run's folder
        one.pop("export.json", None), other.pop("export.json", None)
        assert one == other
    return f"killed {hit} times, {len(known)} rows were committed before the last start, {wanted} samples: identical"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--llm", default="scripted")
    parser.add_argument("--renderer", default="preview")
    parser.add_argument("--ability", default="animal")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        print(compare(**{**vars(options), "work": Path(work)}))


if __name__ == "__main__":
    main()
