"""The ledger: the SQLite file in a run folder that knows every candidate's state.

One row per candidate; its `record` holds everything that happened to it as JSON. Messages that
many requests share are stored once, under their key. One writer thread commits in groups, at most
100 ms apart, so durability costs ten syncs a second and not one per candidate. A row that was
committed is never lost (WAL, synchronous=FULL); what was queued when the process died is redone.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from synth.errors import BackendError, RunRefused
from synth.records import Candidate

LEDGER_VERSION = 1
FILE_NAME = "ledger.sqlite"
_GROUP_SECONDS = 0.1
_QUEUE_SIZE = 4096

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS candidates (
    ability TEXT NOT NULL,
    idx INTEGER NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (ability, idx)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_state ON candidates (ability, state, decided_by, idx);
"""

_SAVE = "INSERT OR REPLACE INTO candidates VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_TEXT = "INSERT OR IGNORE INTO texts VALUES (?, ?)"
_META = "INSERT OR REPLACE INTO meta VALUES (?, ?)"

Job = tuple[str, tuple[Any, ...]]


class Ledger:
    """Durable state of a run. `save` queues and returns at once; reads see what is committed.

    With `read_only` nothing is ever written, so that a run can be looked at while it works.

    Raises from `__init__`: `RunRefused` if the file is not a ledger or of a newer version.
    """

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        self.path = folder / FILE_NAME
        self._read_only = read_only
        self._queue: queue.Queue[Job | threading.Event | None] = queue.Queue(_QUEUE_SIZE)
        self._error: BaseException | None = None
        self._known_texts: set[str] = set()
        self._writer: threading.Thread | None = None
        try:
            with closing(self._connect()) as db:
                self._check_version(db)
                if read_only:
                    return
                db.executescript(_SCHEMA)
                db.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (str(LEDGER_VERSION),))
                db.commit()
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error

    # -- writing ------------------------------------------------------------------------------

    def save(self, candidate: Candidate) -> None:
        """Queue the candidate's row. Blocks only while the writer is far behind."""
        calls = candidate.calls
        self._put(
            (
                _SAVE,
                (
                    candidate.ability,
                    candidate.index,
                    candidate.id,
                    candidate.state,
                    candidate.decided_by,
                    sum(call.prompt_tokens for call in calls),
                    sum(call.completion_tokens for call in calls),
                    candidate.model_dump_json(exclude_defaults=True),
                ),
            )
        )

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
            done = threading.Event()
            self._put(done)
            while not done.wait(0.2):
                self._raise_error()
            self._raise_error()

    def close(self) -> None:
        """Commit what is queued and stop the writer; safe to call twice."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            # a writer that died does not empty the queue: never wait for room in it
            while writer.is_alive():
                try:
                    self._queue.put(None, timeout=0.2)
                    break
                except queue.Full:
                    continue
            writer.join()
        self._raise_error()

    def mark_surplus(self, ability: str, cutoff: int) -> None:
        """Accepted candidates above index `cutoff` are surplus, those up to it are not."""
        self.flush()
        with closing(self._connect()) as db:
            for old, new, comparison in (("accepted", "surplus", ">"), ("surplus", "accepted", "<=")):
                db.execute(
                    "UPDATE candidates SET state = ?, record = json_set(record, '$.state', ?) "
                    f"WHERE ability = ? AND state = ? AND idx {comparison} ?",
                    (new, new, ability, old, cutoff),
                )
            db.commit()

    # -- reading ------------------------------------------------------------------------------

    def meta(self, key: str) -> Any:
        with closing(self._connect()) as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def text(self, key: str) -> str | None:
        with closing(self._connect()) as db:
            row = db.execute("SELECT text FROM texts WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def candidates(
        self, ability: str, states: tuple[str, ...] = (), start: int = 0, limit: int = -1
    ) -> Iterator[Candidate]:
        """Candidates of an ability in index order, one at a time."""
        where = f"AND state IN ({','.join('?' * len(states))})" if states else ""
        with closing(self._connect()) as db:
            rows = db.execute(
                f"SELECT record FROM candidates WHERE ability = ? AND idx >= ? {where} ORDER BY idx LIMIT ?",
                (ability, start, *states, limit),
            )
            for (record,) in rows:
                yield Candidate.model_validate_json(record)

    def candidate(self, id_: str) -> Candidate | None:
        with closing(self._connect()) as db:
            row = db.execute("SELECT record FROM candidates WHERE id = ?", (id_,)).fetchone()
        return Candidate.model_validate_json(row[0]) if row else None

    def illustrated(self, ability: str) -> set[int]:
        """The indices of candidates that may have pictures; 50 bytes each."""
        with closing(self._connect()) as db:
            rows = db.execute(
                "SELECT idx FROM candidates WHERE ability = ? AND state != 'text_ok'", (ability,)
            )
            return {row[0] for row in rows}

    def ids(self, pattern: str, limit: int = 5) -> list[str]:
        """Ids that contain `pattern`, for suggestions."""
        with closing(self._connect()) as db:
            rows = db.execute(
                "SELECT id FROM candidates WHERE instr(id, ?) > 0 ORDER BY ability, idx LIMIT ?",
                (pattern, limit),
            )
            return [row[0] for row in rows]

    def funnel(self) -> list[tuple[str, str, str, int]]:
        """(ability, state, decided_by, count), ordered."""
        with closing(self._connect()) as db:
            return list(
                db.execute(
                    "SELECT ability, state, decided_by, COUNT(*) FROM candidates GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
                )
            )

    def tokens(self) -> tuple[int, int]:
        """Prompt and reply tokens of all candidates."""
        with closing(self._connect()) as db:
            row = db.execute(
                "SELECT COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0) FROM candidates"
            ).fetchone()
        return int(row[0]), int(row[1])

    # -- inside -------------------------------------------------------------------------------

    def _put(self, job: Job | threading.Event) -> None:
        self._raise_error()
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="ledger", daemon=True)
            self._writer.start()
        while True:
            try:
                self._queue.put(job, timeout=1.0)
                return
            except queue.Full:
                self._raise_error()

    def _write(self) -> None:
        try:
            with closing(self._connect()) as db:
                while self._write_group(db):
                    pass
        except BaseException as error:  # handed to the next caller, on its own thread
            self._error = error

    def _write_group(self, db: sqlite3.Connection) -> bool:
        """Commit one group of jobs; False when it was the last."""
        job = self._queue.get()
        deadline = time.monotonic() + _GROUP_SECONDS
        waiting: list[threading.Event] = []
        more = True
        while True:
            if job is None:
                more = False
                break
            if isinstance(job, threading.Event):
                waiting.append(job)
                break
            db.execute(*job)
            try:
                job = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
        db.commit()
        for event in waiting:
            event.set()
        return more

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
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return
        if "meta" not in tables:
            raise RunRefused(f"{self.path} is a database, but not a ledger of synth.", "Choose another folder.")
        row = db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
        found = int(row[0]) if row else 0
        if found > LEDGER_VERSION:
            raise RunRefused(
                f"{self.path} was written by a newer synth (ledger version {found}, this one reads {LEDGER_VERSION}).",
                "Update with: pip install -U synth-vlit",
            )

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._explain(self._error) from self._error

    def _explain(self, error: BaseException) -> BackendError | RunRefused:
        text = str(error)
        if "full" in text or isinstance(error, OSError):
            return BackendError(
                f"The ledger {self.path} cannot be written: {text}.",
                "Free some disk space, then run the same command again: what was committed is safe.",
            )
        if "not a database" in text or "malformed" in text:
            return RunRefused(f"{self.path} is not a readable ledger: {text}.", "Restore it, or choose another --out.")
        return BackendError(f"The ledger {self.path} failed: {text}.", "Run the same command again to go on.")


def is_run(folder: Path) -> bool:
    return os.path.isfile(folder / FILE_NAME)
