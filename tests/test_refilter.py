"""`synth refilter` decides again from what is recorded: both ways, without a backend, safe to kill and to repeat."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from synth import ledger, plugins
from synth.api import export_run, read_dataset, refilter_run, write_report
from synth.cli import app
from synth.errors import NewerVersion, RunRefused, SynthError
from synth.filtering import Chain, Filter, Result, failed, passed
from synth.ledger import Ledger
from synth.produce.redecide import Layer, Redecider
from synth.records import Candidate, Record, Verdict
from synth.run import select
from synth.run.folder import RunFolder
from tests.doubles import ability, candidate, rows, run

#: chat, so that coverage of the prompt decides; small, so that the clip art is quick
SETTINGS: dict[str, Any] = {
    "dialogue": "chat",
    "renderer": "preview",
    "scorer": "coverage",
    "render_settings": {"width": 64, "height": 64},
    "flow.stop_after": 500,
    "max_candidates": 200,
}
STRICT = {"alignment": {"threshold": 0.7}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refilter") / "run"
    run(folder, 8, **SETTINGS)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


@pytest.fixture
def no_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for a backend fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("a backend was made")

    for name in ("make_llm", "make_renderer", "make_scorer", "resolve", "_load"):
        monkeypatch.setattr(select, name, refuse)
    for name in ("load", "load_all"):
        original = getattr(plugins, name)

        def only_filters(group: str, *more: str, original: Any = original) -> Any:
            return original(group, *more) if group in ("synth.filters", "synth.exporters") else refuse()

        monkeypatch.setattr(plugins, name, only_filters)


def candidates(folder: Path) -> dict[int, Candidate]:
    return {one.index: one for one in Ledger(folder, read_only=True).candidates("animal")}


def ids(folder: Path) -> list[str]:
    return [sample.id for sample in read_dataset(folder)]


def table(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        return db.execute("SELECT * FROM candidates ORDER BY ability, idx").fetchall()


@pytest.mark.usefixtures("no_backends")
def test_samples_move_both_ways_without_a_backend(folder: Path) -> None:
    first, dataset = candidates(folder), (folder / "dataset.jsonl").read_bytes()
    assert len(ids(folder)) == 8

    found = refilter_run(folder, STRICT)
    strict = candidates(folder)
    good = [i for i, one in first.items() if one.state in ("accepted", "surplus")]
    high = [i for i in good if (first[i].scores["prompt"] or 0) > 0.7]
    assert 0 < len(high) < len(good)
    assert [i for i, one in strict.items() if one.state in ("accepted", "surplus")] == high
    assert found.abilities["animal"].out == {"alignment": len(good) - len(high)}
    assert ids(folder) == [first[i].id for i in high][:8]
    for row in rows(folder):
        assert row["provenance"]["refilter"] == STRICT
        assert row["scores"]["alignment.image"] > 0.7

    found = refilter_run(folder, {})
    assert found.abilities["animal"].back == {"alignment": len(good) - len(high)}
    assert (folder / "dataset.jsonl").read_bytes() == dataset
    assert {i: one.state for i, one in candidates(folder).items()} == {i: one.state for i, one in first.items()}


@pytest.mark.usefixtures("no_backends")
def test_what_the_run_itself_rejected_comes_back(folder: Path) -> None:
    """As a run leaves it whose template had a threshold: rejected, with its picture."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        db.row_factory = sqlite3.Row
        gone = 0
        for row in db.execute("SELECT * FROM candidates WHERE state = 'accepted'").fetchall():
            one = Candidate.from_json(row["record"])
            if (one.scores["prompt"] or 0) <= 0.7:
                verdict = next(v for v in one.verdicts if v.filter == "alignment")
                verdict.outcome, verdict.reason = "fail", "too low"
                one.reject("alignment", "too low")
                gone += 1
                db.execute(
                    "UPDATE candidates SET state = 'rejected', decided_by = 'alignment', record = ? WHERE id = ?",
                    (one.to_json(leave_out_defaults=True).decode(), one.id),
                )
        db.commit()
    assert gone
    before = candidates(folder)
    found = refilter_run(folder, {"alignment": {"threshold": -1}})
    assert found.abilities["animal"].back == {"alignment": gone}
    for index, one in candidates(folder).items():
        old = before[index]
        assert one.verdicts == old.verdicts, "history was changed"
        if old.decided_by == "alignment":
            assert one.decisions[0].state == "rejected"
            assert (one.decisions[0].decided_by, one.decisions[0].reason) == ("alignment", "too low")
            assert one.state in ("accepted", "surplus")
            assert (folder / str(one.images[0].path)).is_file()
    assert len(ids(folder)) == 8
    export_run(folder, "llava", folder.parent / "export", allow_preview=True)


def test_it_can_be_repeated(folder: Path) -> None:
    refilter_run(folder, STRICT)
    after, dataset = table(folder), (folder / "dataset.jsonl").read_bytes()
    (folder / "dataset.jsonl").unlink()  # killed after the commit, before the file
    found = refilter_run(folder, STRICT)
    assert not found.new
    assert table(folder) == after
    assert (folder / "dataset.jsonl").read_bytes() == dataset
    assert len(Ledger(folder, read_only=True).meta("layers")) == 1


def test_a_layer_stands_alone_and_all_layers_are_kept(folder: Path) -> None:
    refilter_run(folder, STRICT)
    refilter_run(folder, {"picture": {"min_deviation": 128}})
    states = {one.decided_by for one in candidates(folder).values() if one.decisions}
    assert states == {"picture"}
    assert not ids(folder)
    moved = [one for one in candidates(folder).values() if len(one.decisions) == 3]
    assert moved
    assert [d.layer for d in moved[0].decisions] == [0, 1, 2]
    assert [d.decided_by for d in moved[0].decisions] == ["", "alignment", "picture"]


def test_a_run_that_goes_on_gives_what_a_refilter_at_the_end_gives(folder: Path, tmp_path: Path) -> None:
    refilter_run(folder, STRICT)
    assert len(ids(folder)) < 4
    summary = run(folder, 4, **SETTINGS)
    assert summary.samples == 4
    assert all((one.scores["prompt"] or 0) > 0.7 for one in read_dataset(folder))
    run(tmp_path / "late", 30, **SETTINGS)
    run(tmp_path / "late", 4, **SETTINGS)
    refilter_run(tmp_path / "late", STRICT)
    assert (tmp_path / "late" / "dataset.jsonl").read_bytes() == (folder / "dataset.jsonl").read_bytes()
    new = [one for one in candidates(folder).values() if one.decisions]
    assert {d.layer for one in new for d in one.decisions} == {0, 1}


def test_a_dry_run_writes_nothing_and_needs_no_lock(folder: Path) -> None:
    before, dataset = table(folder), (folder / "dataset.jsonl").read_bytes()
    with RunFolder(folder):
        found = refilter_run(folder, STRICT, dry_run=True)
        with pytest.raises(RunRefused, match="Another process"):
            refilter_run(folder, STRICT)
    assert table(folder) == before
    assert (folder / "dataset.jsonl").read_bytes() == dataset
    done = refilter_run(folder, STRICT)
    assert (done.samples, done.abilities) == (found.samples, found.abilities)


KILLED = """
import os, sys
from synth import ledger
from synth.api import refilter_run
rows, row = iter(range(int(sys.argv[2]))), ledger._row
def dying(candidate):
    if next(rows, None) is None:
        os.kill(os.getpid(), 9)
    return row(candidate)
ledger._row = dying
refilter_run(sys.argv[1], {"alignment": {"threshold": 0.7}})
"""


def test_killed_in_the_middle_it_has_done_nothing(folder: Path) -> None:
    before, dataset = table(folder), (folder / "dataset.jsonl").read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), "1"], check=False)
    assert done.returncode == -9
    assert table(folder) == before
    assert (folder / "dataset.jsonl").read_bytes() == dataset
    assert Ledger(folder, read_only=True).meta("layers") is None
    assert refilter_run(folder, STRICT).new


def test_a_ledger_that_gets_layers_becomes_one_of_this_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        db.execute("UPDATE meta SET value = '2' WHERE key = 'version'")
        db.commit()
    refilter_run(folder, STRICT)
    assert Ledger(folder, read_only=True).meta("version") == ledger.LEDGER_VERSION
    monkeypatch.setattr(ledger, "LEDGER_VERSION", 2)
    with pytest.raises(NewerVersion):
        Ledger(folder)


def test_without_a_score_the_sample_stays_and_says_so(tmp_path: Path) -> None:
    run(tmp_path, 3, **{**SETTINGS, "dialogue": "describe"})  # coverage cannot judge a dialogue
    found = refilter_run(tmp_path, STRICT)
    assert found.samples == 3
    assert found.abilities["animal"].unscored >= 3
    assert all(row["provenance"]["not_run"] == ["alignment"] for row in rows(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nope": {"x": 1}}, "no ability of this run has a filter 'nope'"),
        ({"alignment": {"nope": 1}}, "no option 'nope'"),
        ({"alignment": {"threshold": 3}}, "less than or equal to 1"),
        ({"length": {"max_keywords": 3}}, "cannot be decided again"),
    ],
)
def test_options_that_cannot_be(folder: Path, options: Any, message: str) -> None:
    before = table(folder)
    with pytest.raises(SynthError, match=f"(?i){message}") as caught:
        refilter_run(folder, options)
    assert "alignment.threshold" in caught.value.fix
    assert table(folder) == before


def test_a_run_without_pictures_is_refused(tmp_path: Path) -> None:
    run(tmp_path, 2)
    with pytest.raises(SynthError, match="no pictures yet"):
        refilter_run(tmp_path, STRICT)


def test_the_commands_tell_both_decisions(folder: Path) -> None:
    cli = CliRunner()
    done = cli.invoke(app, ["refilter", str(folder), "--alignment", "0.7"])
    assert done.exit_code == 0, done.output
    assert "alignment.threshold = 0.7" in done.output
    moved = next(one for one in candidates(folder).values() if one.decisions)
    shown = cli.invoke(app, ["show", str(folder), moved.id]).output
    assert "the run itself: accepted" in shown
    assert "refilter 1 (alignment.threshold = 0.7): rejected by alignment" in shown
    raw = json.loads(cli.invoke(app, ["show", str(folder), moved.id, "--raw"]).output)
    assert raw["layers"] == [{"number": 1, "options": STRICT}]
    assert "what counts: alignment.threshold = 0.7" in cli.invoke(app, ["status", str(folder)]).output
    page = write_report(folder).read_text()
    assert "Refiltered: alignment.threshold = 0.7" in page
    assert "refilter 1: rejected by alignment, first accepted" in page
    done = cli.invoke(app, ["refilter", str(folder), "--original", "--set", "picture.min_deviation=1"])
    assert done.exit_code == 2
    assert cli.invoke(app, ["refilter", str(folder)]).exit_code == 2
    assert cli.invoke(app, ["refilter", str(folder), "--original"]).exit_code == 0
    assert "refilter 2 (as the run itself decided): accepted" in cli.invoke(app, ["show", str(folder), moved.id]).output


# -- the pieces -------------------------------------------------------------------------------


class LowOptions(Record):
    least: int = 1


class Low(Filter):
    """Fails what has a low score; can do so again."""

    stages = ("image",)
    Options = LowOptions
    again = frozenset({"least"})

    def check(self, candidate: Candidate, stage: Any, pictures: Any) -> Result:
        return passed(1) if candidate.seed else failed("low", 0)

    def check_again(self, candidate: Candidate, said: Verdict | None) -> Result | None:
        return passed(1)


class Seen(Filter):
    """Judges by the picture alone."""

    stages = ("image",)

    def check(self, candidate: Candidate, stage: Any, pictures: Any) -> Result:
        return failed("ugly") if candidate.index == 2 else passed()


def chain_of(*classes: type[Filter]) -> Chain:
    made = []
    for cls in classes:
        one = cls(None, ability())
        one.name = cls.__name__.lower()
        made.append(one)
    return Chain(made)


def test_filters_behind_a_failure_that_may_be_taken_back_are_asked() -> None:
    some = [candidate(0), candidate(1), candidate(2)]
    failing = chain_of(Low, Seen).check_pictures(some, [(), (), ()], [0, 0, 0])
    assert [one.filter if one else None for one in failing] == ["low", None, "seen"]
    assert [v.filter for v in some[0].verdicts] == ["low", "seen"]
    others = [candidate(2), candidate(1)]
    others[0].seed = 0
    chain_of(Seen, Low).check_pictures(others, [(), ()], [0, 0])
    assert [v.filter for v in others[0].verdicts] == ["seen"]


def test_who_was_not_seen_by_a_later_filter_does_not_come_back() -> None:
    one = candidate(0, text_passed=True)
    one.verdicts = [Verdict(filter="low", stage="image", outcome="fail", reason="low", score=0)]
    one.reject("low", "low")
    layer = Layer(number=1, options={"low": {"least": 0}})
    small = ability(filters=["low", "seen"])
    redecider = Redecider(small, chain_of(Low, Seen), {"low": Low, "seen": Seen}, None, layer)
    assert not redecider.apply(one)
    assert redecider.undecided == 1
    assert one.state == "rejected"
    one.verdicts.append(Verdict(filter="seen", stage="image", outcome="pass"))
    assert redecider.apply(one)
    assert one.state == "accepted"
    assert [v.outcome for v in one.verdicts_now] == ["pass", "pass"]
    assert [v.outcome for v in one.verdicts] == ["fail", "pass"]
