"""The ledger: what is committed stays, what cannot be written is said, and nothing hangs."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from synth.errors import BackendError, RunRefused, SynthError
from synth.ledger import FILE_NAME, LEDGER_VERSION, Ledger
from synth.records import Call, Image, Verdict
from tests.doubles import candidate


def fill(ledger: Ledger, *states: str) -> None:
    for index, state in enumerate(states):
        ledger.save(candidate(index, state=state, decided_by="length" if state == "rejected" else ""))
    ledger.flush()


def test_a_candidate_comes_back_as_it_was(tmp_path: Path) -> None:
    one = candidate(
        3,
        state="rejected",
        decided_by="alignment",
        reason="no",
        scores={"prompt": 0.1, "dialogue": None},
        verdicts=[Verdict(filter="alignment", stage="image", outcome="fail", reason="no", score=0.1)],
        calls=[Call(step="write", attempt=0, seed=1, shared="k", message="m", prompt_tokens=5, completion_tokens=2)],
        seconds={"write": 0.5},
        examples=["a", "b"],
    )
    ledger = Ledger(tmp_path)
    ledger.save(one)
    ledger.save_text("k", "shared")
    ledger.save_text("k", "other")  # a key is written once
    ledger.set_meta("identity", {"a": [1, None, "ü"]})
    ledger.close()
    ledger.close()
    again = Ledger(tmp_path)
    assert again.candidate(one.id) == one
    assert list(again.candidates("tiny")) == [one]
    assert again.text("k") == "shared"
    assert again.text("x") is None
    assert again.meta("identity") == {"a": [1, None, "ü"]}
    assert again.meta("nothing") is None
    assert again.tokens() == (5, 2)
    assert again.funnel() == [("tiny", "rejected", "alignment", 1)]


def test_rows_come_in_index_order_and_by_state(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for index in (5, 1, 3, 0):
        ledger.save(candidate(index, state="accepted" if index % 2 else "failed"))
    ledger.save(candidate(1, state="surplus"))  # a later save replaces
    ledger.flush()
    assert [c.index for c in ledger.candidates("tiny")] == [0, 1, 3, 5]
    assert [c.index for c in ledger.candidates("tiny", ("accepted",))] == [3, 5]
    assert [c.index for c in ledger.candidates("tiny", start=1, limit=2)] == [1, 3]
    assert list(ledger.candidates("other")) == []
    ledger.close()


def test_surplus_goes_both_ways(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    fill(ledger, "accepted", "rejected", "accepted", "accepted", "failed", "accepted")

    def states() -> list[str | None]:
        return [c.state for c in ledger.candidates("tiny")]

    ledger.mark_surplus("tiny", 2)
    assert states() == ["accepted", "rejected", "accepted", "surplus", "failed", "surplus"]
    assert [c.index for c in ledger.candidates("tiny", ("surplus",))] == [3, 5]
    ledger.mark_surplus("tiny", 3)
    assert states() == ["accepted", "rejected", "accepted", "accepted", "failed", "surplus"]
    ledger.mark_surplus("other", 0)
    assert states()[2] == "accepted"
    ledger.close()


# -- files that are no ledgers ----------------------------------------------------------------


def test_the_nth_of_some_states_and_what_comes_after(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for index, state in enumerate(["accepted", "rejected", "text_ok", "surplus", "text_ok", "accepted"]):
        ledger.save(candidate(index, state=state))
    ledger.flush()
    kept = ("accepted", "surplus")
    assert [ledger.nth_index("tiny", kept, n) for n in (1, 2, 3, 4)] == [0, 3, 5, None]
    assert [ledger.count_beyond("tiny", "text_ok", index) for index in (-1, 2, 3, 5)] == [2, 1, 1, 0]
    assert ledger.nth_index("other", kept, 1) is None
    ledger.close()


def test_a_file_of_a_process_that_was_killed_while_it_made_it_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    assert Ledger(tmp_path, read_only=True).meta("identity") is None
    Ledger(tmp_path).set_meta("identity", {})


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.execute("UPDATE meta SET value = ? WHERE key = 'version'", (str(LEDGER_VERSION + 1),))
        db.commit()
    for read_only in (False, True):
        with pytest.raises(RunRefused, match="newer synth") as error:
            Ledger(tmp_path, read_only)
        assert "pip install -U" in error.value.fix


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough\n" * 100, b"SQLite format 3\x00" + b"\xff" * 4096]
)
def test_what_is_no_database_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    for read_only in (False, True):
        with pytest.raises(SynthError, match=r"ledger\.sqlite"):
            Ledger(tmp_path, read_only)
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_a_strangers_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
        db.commit()
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(RunRefused, match="not a ledger of synth"):
        Ledger(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert os.listdir(tmp_path) == [FILE_NAME]


def test_read_only_makes_and_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(SynthError):
        Ledger(tmp_path, read_only=True)
    assert not list(tmp_path.iterdir())
    ledger = Ledger(tmp_path)
    fill(ledger, "accepted")
    ledger.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    reader = Ledger(tmp_path, read_only=True)
    assert [c.index for c in reader.candidates("tiny")] == [0]
    with pytest.raises(BackendError):
        reader.mark_surplus("tiny", 0)
    assert (tmp_path / FILE_NAME).read_bytes() == before


# -- kills ------------------------------------------------------------------------------------


def test_what_was_flushed_survives_sigkill(tmp_path: Path) -> None:
    code = f"""
import sys, time
from pathlib import Path
from synth.ledger import Ledger
from tests.doubles import candidate
ledger = Ledger(Path({str(tmp_path)!r}))
for index in range(300):
    ledger.save(candidate(index, state="accepted"))
ledger.flush()
for index in range(300, 3000):
    ledger.save(candidate(index, state="accepted"))
print("flushed", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    assert process.stdout is not None
    assert process.stdout.readline() == b"flushed\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    ledger = Ledger(tmp_path)
    found = [c.index for c in ledger.candidates("tiny")]
    assert found == list(range(len(found)))
    assert len(found) >= 300


def test_rows_are_committed_without_flush_within_a_moment(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.save(candidate(0, state="accepted"))
    reader = Ledger(tmp_path, read_only=True)
    deadline = time.monotonic() + 2
    while not list(reader.candidates("tiny")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(reader.candidates("tiny"))
    ledger.close()


# -- full disks -------------------------------------------------------------------------------


def until_full(ledger: Ledger, rows: int = 20_000) -> BackendError:
    """Save until the ledger complains; it must do so soon, from whatever is called."""
    with pytest.raises(BackendError) as error:
        for index in range(rows):
            ledger.save(candidate(index, state="accepted", reason="x" * 2000))
        ledger.flush()
    return error.value


def in_time(work: object, seconds: float = 10) -> None:
    done = threading.Thread(target=work, daemon=True)  # type: ignore[arg-type]
    done.start()
    done.join(seconds)
    assert not done.is_alive(), "it hangs"


def test_a_full_disk_is_said_and_nothing_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = Ledger._connect
    ledger = Ledger(tmp_path)
    fill(ledger, "accepted", "accepted")
    ledger.close()

    def small(self: Ledger) -> sqlite3.Connection:
        db = connect(self)
        db.execute("PRAGMA max_page_count = 30")
        return db

    monkeypatch.setattr(Ledger, "_connect", small)
    monkeypatch.setattr("synth.ledger._MOST_QUEUED", 64)
    ledger = Ledger(tmp_path)

    def story() -> None:
        error = until_full(ledger)
        assert FILE_NAME in error.message
        assert "full" in error.message
        assert error.message.count(FILE_NAME) == 1
        assert "disk space" in error.fix
        for later in (ledger.flush, ledger.close, lambda: ledger.save(candidate(9, state="failed"))):
            with pytest.raises(BackendError):
                later()

    failures: list[BaseException] = []

    def watched() -> None:
        try:
            story()
        except BaseException as error:
            failures.append(error)

    in_time(watched)
    assert not failures, failures
    monkeypatch.undo()
    assert len(list(Ledger(tmp_path).candidates("tiny"))) >= 2  # what was committed is there


def test_a_file_that_may_not_grow_is_said_too(tmp_path: Path) -> None:
    """As a quota does it: writes fail, in the middle of a group."""
    code = f"""
import resource
from pathlib import Path
from synth.errors import BackendError
from synth.ledger import Ledger
from tests.doubles import candidate
ledger = Ledger(Path({str(tmp_path)!r}))
ledger.save(candidate(0, state="accepted"))
ledger.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    for index in range(1, 20_000):
        ledger.save(candidate(index, state="accepted", reason="x" * 2000))
    ledger.flush()
except BackendError as error:
    print(error)
try:
    ledger.close()
except BackendError:
    print("closed")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert "cannot be written" in done.stdout
    assert "disk space" in done.stdout
    assert done.stdout.endswith("closed\n")
    assert next(Ledger(tmp_path).candidates("tiny")).index == 0


def test_marking_surplus_on_a_full_disk_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path)
    fill(ledger, "accepted", "accepted")
    ledger.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.execute("CREATE TRIGGER t BEFORE UPDATE ON candidates BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
        db.commit()
    with pytest.raises(BackendError, match="disk is full"):
        Ledger(tmp_path).mark_surplus("tiny", 0)


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ("json_set(record, '$.mood', 1)", "mood"),
        ("json_set(record, '$.calls[0].seed', 'x')", "calls.0.seed"),
        ("json_remove(record, '$.plan.subject.text')", "plan.subject.text"),
        ("'{'", "JSON"),
    ],
)
def test_a_row_of_another_version_is_refused_by_field(tmp_path: Path, record: str, named: str) -> None:
    ledger = Ledger(tmp_path)
    ledger.save(candidate(0, state="accepted", calls=[Call(step="s", attempt=0, seed=1, shared="k", message="m")]))
    ledger.flush()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.execute(f"UPDATE candidates SET record = {record}")
        db.commit()
    with pytest.raises(RunRefused, match=named):
        list(ledger.candidates("tiny"))
    with pytest.raises(RunRefused, match=named):
        ledger.candidate(candidate(0).id)
    ledger.close()


def test_a_candidate_is_found_by_its_id_and_by_its_index_without_reading_all(tmp_path: Path) -> None:
    Ledger(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        [by_id] = db.execute("EXPLAIN QUERY PLAN SELECT record FROM candidates WHERE id = 'x'").fetchall()
    assert "USING INDEX by_id" in by_id[3]


def test_a_ledger_of_version_1_is_read_and_gone_on_with(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.executescript(
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
            "CREATE TABLE texts (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;"
            "CREATE TABLE candidates (ability TEXT NOT NULL, idx INTEGER NOT NULL, id TEXT NOT NULL,"
            " state TEXT NOT NULL, decided_by TEXT NOT NULL, prompt_tokens INTEGER NOT NULL,"
            " completion_tokens INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (ability, idx)) WITHOUT ROWID;"
            "INSERT INTO meta VALUES ('version', '1');"
        )
    ledger = Ledger(tmp_path)
    one = candidate(3)
    one.state = "accepted"
    ledger.save(one)
    ledger.close()
    found = Ledger(tmp_path, read_only=True)
    assert found.candidate(one.id) == one
    assert found.ids_at(3) == [one.id]
    assert found.meta("version") == LEDGER_VERSION


def test_a_ledger_of_an_earlier_version_becomes_one_of_this_when_a_candidate_is_written(tmp_path: Path) -> None:
    """An older synth that reads its rows must hear that they are newer, and not of a field that it does not know."""
    Ledger(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        db.execute("UPDATE meta SET value = '2' WHERE key = 'version'")
        db.commit()
    ledger = Ledger(tmp_path)
    ledger.set_meta("tokens", [0, 0])
    ledger.flush()
    assert ledger.meta("version") == 2, "a start that was refused leaves it as it was"
    one = candidate(0, state="accepted")
    one.images = [Image(prompt="x", seed=1, attempts=2)]
    ledger.save(one)
    ledger.close()
    assert Ledger(tmp_path, read_only=True).meta("version") == LEDGER_VERSION > 3
