"""The ledger: the SQLite file in a run folder that knows every candidate's state.

One row per candidate; its `record` holds everything that happened to it as JSON. Messages that
many requests share are stored once, under their key. One writer thread commits in groups, at most
100 ms apart, so durability costs ten syncs a second and not one per candidate. A row that was
committed is never lost (WAL, synchronous=FULL); what was queued when the process died is redone.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from synth.errors import BackendError, NewerVersion, RunRefused, SynthError
from synth.records import Candidate, State

#: 1: the same columns in tables WITHOUT ROWID; read and gone on with as it is
#: 2: tables with row ids
#: 3: candidates may have `decisions`
#: 4: their images may have `attempts`
#: An earlier one is read as it is, and becomes one of this version when a candidate is written into it.
LEDGER_VERSION = 4
#: rows read at a time where a ledger is read and written at once
_PAGE = 256
_NO_CUTOFF = 2**62
FILE_NAME = "ledger.sqlite"
_GROUP_SECONDS = 0.1
_MOST_QUEUED = 4096
_ROWS_PER_STATEMENT = 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts (key TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS candidates (
    ability TEXT NOT NULL,
    idx INTEGER NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (ability, idx)
);
CREATE INDEX IF NOT EXISTS by_state ON candidates (ability, state, decided_by, idx);
CREATE INDEX IF NOT EXISTS by_id ON candidates (id);
"""

_SAVE = "INSERT OR REPLACE INTO candidates"
_TEXT = "INSERT OR IGNORE INTO texts"
_META = "INSERT OR REPLACE INTO meta"
_VERSION_NOW = ("version", str(LEDGER_VERSION))

Job = tuple[str, tuple[Any, ...]]


class Ledger:
    """Durable state of a run. `save` queues and returns at once; reads see what is committed.

    With `read_only` nothing is ever written, so that a run can be looked at while it works.

    Raises from `__init__`: `RunRefused` if the file is not a ledger, `NewerVersion` if it is of a newer version.
    """

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        self.path = folder / FILE_NAME
        self._read_only = read_only
        self._jobs: deque[Job] = deque()
        self._queued = self._committed = 0
        self._wake = threading.Event()
        self._closing = False
        self._error: BaseException | None = None
        self._known_texts: set[str] = set()
        self._of_this_version = False
        self._writer: threading.Thread | None = None
        if read_only or self.path.exists():
            with self._open(self._connect_to_read) as db:
                self._check_version(db)
        if not read_only:
            with self._open() as db:
                db.executescript(_SCHEMA)
                db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", _VERSION_NOW)
                db.commit()

    # -- writing ------------------------------------------------------------------------------

    def save(self, candidate: Candidate) -> None:
        """Queue the candidate's row. Blocks only while the writer is far behind."""
        if not self._of_this_version:
            self._of_this_version = True
            self._put((_META, _VERSION_NOW))
        self._put((_SAVE, _row(candidate)))

    def save_text(self, key: str, text: str) -> None:
        """Keep messages that many candidates share, once."""
        if key not in self._known_texts:
            self._known_texts.add(key)
            self._put((_TEXT, (key, text)))

    def set_meta(self, key: str, value: Any) -> None:
        self._put((_META, (key, orjson.dumps(value).decode())))

    def flush(self) -> None:
        """Return when all that was queued is committed."""
        if self._writer is not None:
            wanted = self._queued
            self._wake.set()
            while self._committed < wanted:
                self._raise_error()
                time.sleep(0.002)
        self._raise_error()

    def close(self) -> None:
        """Commit what is queued and stop the writer; safe to call twice."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            self._closing = True
            self._wake.set()
            writer.join()
        self._raise_error()

    def revise(self, abilities: Sequence[str], change: Callable[[Candidate], bool], meta: Mapping[str, Any]) -> None:
        """Show every candidate to `change` and write those for which it returns true, together with `meta`:
        all of it in one transaction, so that a kill leaves everything or nothing. Without `meta` nothing is
        written, whatever `change` says.
        """
        self.flush()
        with self._open() as db:
            for ability in abilities:
                last = -1
                while page := db.execute(
                    "SELECT idx, record FROM candidates WHERE ability = ? AND idx > ? ORDER BY idx LIMIT ?",
                    (ability, last, _PAGE),
                ).fetchall():
                    last = page[-1][0]
                    for _, record in page:
                        candidate = self._candidate(record)
                        if change(candidate) and meta:
                            _execute(db, _SAVE, [_row(candidate)])
            if meta:
                for key, value in meta.items():
                    _execute(db, _META, [(key, orjson.dumps(value).decode())])
                _execute(db, _META, [_VERSION_NOW])
                db.commit()

    def mark_surplus(self, ability: str, cutoff: int | None) -> None:
        """Accepted candidates above index `cutoff` are surplus, those up to it are not; None: none are."""
        self.flush()
        cutoff = _NO_CUTOFF if cutoff is None else cutoff
        with self._open() as db:
            for old, new, comparison in (("accepted", "surplus", ">"), ("surplus", "accepted", "<=")):
                db.execute(
                    "UPDATE candidates SET state = ?, record = json_set(record, '$.state', ?) "
                    f"WHERE ability = ? AND state = ? AND idx {comparison} ?",
                    (new, new, ability, old, cutoff),
                )
            db.commit()

    # -- reading ------------------------------------------------------------------------------

    def meta(self, key: str) -> Any:
        with self._open() as db:
            if not _tables(db):  # of a process that was killed while it made the file
                return None
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def text(self, key: str) -> str | None:
        with self._open() as db:
            row = db.execute("SELECT text FROM texts WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def candidates(
        self, ability: str, states: tuple[str, ...] = (), start: int = 0, limit: int = -1
    ) -> Iterator[Candidate]:
        """Candidates of an ability in index order, one at a time."""
        where = f"AND state IN ({','.join('?' * len(states))})" if states else ""
        with self._open() as db:
            rows = db.execute(
                f"SELECT record FROM candidates WHERE ability = ? AND idx >= ? {where} ORDER BY idx LIMIT ?",
                (ability, start, *states, limit),
            )
            for (record,) in rows:
                yield self._candidate(record)

    def candidate(self, id_: str) -> Candidate | None:
        with self._open() as db:
            row = db.execute("SELECT record FROM candidates WHERE id = ?", (id_,)).fetchone()
        return self._candidate(row[0]) if row else None

    def illustrated(self, ability: str) -> set[int]:
        """The indices of candidates that may have pictures; 50 bytes each."""
        with self._open() as db:
            rows = db.execute("SELECT idx FROM candidates WHERE ability = ? AND state != 'text_ok'", (ability,))
            return {row[0] for row in rows}

    def ids_at(self, index: int) -> list[str]:
        """The ids of the candidates with this index, at most one per ability."""
        with self._open() as db:
            rows = db.execute(
                "SELECT id FROM candidates WHERE idx = ? AND ability IN (SELECT DISTINCT ability FROM candidates) "
                "ORDER BY ability",
                (index,),
            )
            return [row[0] for row in rows]

    def ids(self, pattern: str, limit: int = 5) -> list[str]:
        """Ids that contain `pattern`, for suggestions."""
        with self._open() as db:
            rows = db.execute(
                "SELECT id FROM candidates WHERE instr(id, ?) > 0 ORDER BY ability, idx LIMIT ?",
                (pattern, limit),
            )
            return [row[0] for row in rows]

    def funnel(self) -> list[tuple[str, str, str, int]]:
        """(ability, state, decided_by, count), ordered."""
        with self._open() as db:
            return list(
                db.execute(
                    "SELECT ability, state, decided_by, COUNT(*) FROM candidates GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
                )
            )

    def nth_index(self, ability: str, states: tuple[State, ...], n: int) -> int | None:
        """The index of the n-th candidate in one of these states, or None if there are fewer."""
        with self._open() as db:
            row = db.execute(
                f"SELECT idx FROM candidates WHERE ability = ? AND state IN ({','.join('?' * len(states))}) "
                "ORDER BY idx LIMIT 1 OFFSET ?",
                (ability, *states, n - 1),
            ).fetchone()
        return row[0] if row else None

    def count_beyond(self, ability: str, state: State, index: int) -> int:
        """How many candidates in this state come after `index`."""
        with self._open() as db:
            row = db.execute(
                "SELECT COUNT(*) FROM candidates WHERE ability = ? AND state = ? AND idx > ?", (ability, state, index)
            ).fetchone()
        return int(row[0])

    def tokens(self) -> tuple[int, int]:
        """Prompt and reply tokens the run has used; those of candidates that were not finished
        included, unless the process was killed."""
        spent = self.meta("tokens") or (0, 0)
        with self._open() as db:
            row = db.execute(
                "SELECT COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0) FROM candidates"
            ).fetchone()
        return max(int(row[0]), spent[0]), max(int(row[1]), spent[1])

    def bought(self) -> int:
        """Pictures that an endpoint drew for the run; those of candidates that were not finished included, unless
        the process was killed."""
        with self._open() as db:
            row = db.execute(
                "SELECT COUNT(*) FROM candidates, json_each(candidates.record, '$.images') "
                "WHERE state != 'text_ok' AND json_extract(json_each.value, '$.path') IS NOT NULL"
            ).fetchone()
        return max(int(row[0]), self.meta("bought") or 0)

    # -- inside -------------------------------------------------------------------------------

    def _put(self, job: Job) -> None:
        """Queue a job. The writer polls: waking it for every job would cost a system call each."""
        self._raise_error()
        if self._writer is None:
            self._closing = False
            self._writer = threading.Thread(target=self._write, name="ledger", daemon=True)
            self._writer.start()
        while len(self._jobs) >= _MOST_QUEUED:
            self._wake.set()
            self._raise_error()
            time.sleep(0.005)
        self._jobs.append(job)
        self._queued += 1

    def _write(self) -> None:
        try:
            with self._open() as db:
                while True:
                    closing_now = self._closing
                    self._write_group(db)
                    if closing_now and not self._jobs:
                        return
                    self._wake.wait(_GROUP_SECONDS)
                    self._wake.clear()
        except BaseException as error:  # handed to the next caller, on its own thread
            self._error = error

    def _write_group(self, db: sqlite3.Connection) -> None:
        """Commit all that is queued now.

        Many rows a statement: SQLite lets go of the interpreter for each statement, and taking it back from a
        busy event loop costs both threads more than writing a row.
        """
        count = len(self._jobs)
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for _ in range(count):
            statement, row = self._jobs.popleft()
            rows.setdefault(statement, []).append(row)
        for statement, of_statement in rows.items():
            for start in range(0, len(of_statement), _ROWS_PER_STATEMENT):
                _execute(db, statement, of_statement[start : start + _ROWS_PER_STATEMENT])
        if count:
            db.commit()
            self._committed += count

    def _candidate(self, record: str) -> Candidate:
        try:
            return Candidate.from_json(record)
        except ValidationError as error:
            first = error.errors()[0]
            raise RunRefused(
                f"{self.path} has a row that cannot be read: {'.'.join(map(str, first['loc']))}: {first['msg']}.",
                "Was it written by another version of synth, or altered? Open it with that version.",
            ) from error

    @contextmanager
    def _open(self, connect: Callable[[], sqlite3.Connection] | None = None) -> Iterator[sqlite3.Connection]:
        """A connection that is closed afterwards; what SQLite complains of is explained."""
        try:
            with closing((connect or self._connect)()) as db:
                yield db
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _connect(self) -> sqlite3.Connection:
        if self._read_only:
            return self._connect_to_read()
        db = sqlite3.connect(self.path, timeout=30, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        return db

    def _connect_to_read(self) -> sqlite3.Connection:
        """A connection that cannot write; `immutable` where the folder itself cannot be written."""
        uri = self.path.absolute().as_uri()
        db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=30, check_same_thread=False)
        try:
            db.execute("SELECT name FROM sqlite_master LIMIT 1").fetchone()
        except sqlite3.OperationalError:
            db.close()
            db = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        return db

    def _check_version(self, db: sqlite3.Connection) -> None:
        tables = _tables(db)
        if not tables:
            return
        if "meta" not in tables:
            raise RunRefused(f"{self.path} is a database, but not a ledger of synth.", "Choose another folder.")
        row = db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
        found = int(row[0]) if row else 0
        if found > LEDGER_VERSION:
            raise NewerVersion(str(self.path), "ledger", found, LEDGER_VERSION)

    def _raise_error(self) -> None:
        if isinstance(self._error, SynthError):
            raise self._error
        if self._error is not None:
            raise self._explain(self._error) from self._error

    def _explain(self, error: BaseException) -> BackendError | RunRefused:
        text = str(error)
        if "full" in text or "disk I/O" in text or isinstance(error, OSError):
            return BackendError(
                f"The ledger {self.path} cannot be written: {text}.",
                "Free some disk space, then run the same command again: what was committed is safe.",
            )
        if "not a database" in text or "malformed" in text:
            return RunRefused(f"{self.path} is not a readable ledger: {text}.", "Restore it, or choose another --out.")
        return BackendError(f"The ledger {self.path} failed: {text}.", "Run the same command again to go on.")


def _tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _execute(db: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    places = f"({','.join('?' * len(rows[0]))})"
    db.execute(f"{statement} VALUES {','.join([places] * len(rows))}", list(chain(*rows)))


def _row(candidate: Candidate) -> tuple[Any, ...]:
    """The columns of `candidates`."""
    calls = candidate.calls
    return (
        candidate.ability,
        candidate.index,
        candidate.id,
        candidate.state,
        candidate.decided_by,
        sum(call.prompt_tokens for call in calls),
        sum(call.completion_tokens for call in calls),
        candidate.to_json(leave_out_defaults=True).decode(),
    )


def is_run(folder: Path) -> bool:
    return (folder / FILE_NAME).is_file()
