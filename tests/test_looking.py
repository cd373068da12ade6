"""Looking at a run must neither write nor wait."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synth.cli import app
from synth.errors import RunRefused, SynthError
from synth.ledger import FILE_NAME, Ledger
from synth.records import Candidate
from synth.run.folder import holder
from synth.run.look import find_candidate, standing, status
from tests.small_runs import accept, save_run
from tests.small_runs import candidate as good


def candidate(ability: str, index: int) -> Candidate:
    return Candidate(
        id=f"{ability}-s0-{index:06d}",
        ability=ability,
        index=index,
        stage=1,
        seed=index,
        round=0,
        state="accepted",
    )


@pytest.fixture
def writer(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path)
    for index in range(3):
        ledger.save(candidate("animal", index))
    ledger.save(candidate("food", 2))
    ledger.flush()
    return ledger


def test_a_reader_sees_commits_while_a_writer_holds_the_write_lock(writer: Ledger, tmp_path: Path) -> None:
    reader = Ledger(tmp_path, read_only=True)
    blocking = sqlite3.connect(tmp_path / FILE_NAME)
    blocking.execute("BEGIN IMMEDIATE")
    try:
        assert len(list(reader.candidates("animal"))) == 3
        assert Ledger(tmp_path, read_only=True).funnel()
    finally:
        blocking.close()
    writer.close()


def test_a_reader_cannot_write(writer: Ledger, tmp_path: Path) -> None:
    reader = Ledger(tmp_path, read_only=True)
    reader.save(candidate("animal", 9))
    with pytest.raises(SynthError):
        reader.flush()
    assert writer.candidate("animal-s0-000009") is None


def test_a_number_is_enough_where_it_is_unambiguous(writer: Ledger) -> None:
    assert find_candidate(writer, "1").id == "animal-s0-000001"
    assert find_candidate(writer, "animal-s0-000002").index == 2
    with pytest.raises(SynthError, match=r"food-s0-000002"):
        find_candidate(writer, "2")


@pytest.mark.parametrize(
    ("wanted", "near"),
    [("99", "animal-s0-000002"), ("animl-s0-000001", "animal-s0-000001"), ("foo", "food-s0-000002")],
)
def test_unknown_ids_name_the_nearest(wanted: str, near: str, writer: Ledger) -> None:
    with pytest.raises(SynthError) as error:
        find_candidate(writer, wanted)
    assert near in error.value.fix


def test_what_is_good_beyond_n_is_surplus_also_without_a_picture(tmp_path: Path) -> None:
    made = [accept(tmp_path / "run", good("abnormal", index)) for index in range(4)]
    made[3].state = "text_ok"
    run = save_run(tmp_path / "run", made, {"abnormal": 2}, renderer={"name": "diffusers"})
    found = status(run)
    one = found.abilities["abnormal"]
    assert (one.ready, one.surplus, one.waiting, found.done) == (2, 2, 0, True)
    ledger = Ledger(run, read_only=True)
    assert [standing(ledger, each) for each in ledger.candidates("abnormal")] == ["sample"] * 2 + ["surplus"] * 2
    shown = CliRunner().invoke(app, ["show", str(run), "3"]).stdout
    assert shown.startswith("abnormal-s7-000003: surplus")


def test_a_text_before_the_last_sample_is_in_work(tmp_path: Path) -> None:
    made = [accept(tmp_path / "run", good("abnormal", index)) for index in range(3)]
    made[1].state = "text_ok"
    run = save_run(tmp_path / "run", made, {"abnormal": 2}, renderer={"name": "diffusers"})
    found = status(run)
    one = found.abilities["abnormal"]
    assert (one.ready, one.surplus, one.waiting, found.done) == (2, 0, 1, False)
    assert "its pictures are still to be made" in CliRunner().invoke(app, ["show", str(run), "1"]).stdout


def test_settings_of_another_version_are_refused(tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", [], {"abnormal": 2}, renderer=None)
    ledger = Ledger(run)
    ledger.set_meta("config", {**ledger.meta("config"), "mood": "calm"})
    ledger.close()
    with pytest.raises(RunRefused, match=r"does not understand, e\.g\. 'mood'"):
        status(run)


def test_a_number_of_thousands_of_digits_is_an_unknown_candidate(writer: Ledger, tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="has no candidate '7777"):
        find_candidate(writer, "7" * 5000)


def test_a_lock_on_a_file_of_another_device_with_the_same_inode_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two file systems number their files from one, and any process may lock one of them."""
    lock = tmp_path / ".lock"
    lock.touch()
    table = f"1: FLOCK  ADVISORY  WRITE {os.getpid()} 00:99:{lock.stat().st_ino} 0 EOF\n"
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda at, *a: table if str(at) == "/proc/locks" else read(at, *a))
    assert holder(tmp_path) is None
    with open(lock):
        assert holder(tmp_path) == os.getpid()
