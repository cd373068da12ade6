"""A run folder: its lock, its frozen configuration and its identity."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urlsplit, urlunsplit

import yaml
from pydantic import ValidationError

from synth import __version__
from synth.config import RunConfig, differences
from synth.errors import BackendError, RunRefused, SynthError, dotted
from synth.files import whole_file
from synth.ledger import Ledger, is_run

CONFIG_FILE = "config.yaml"
DATASET_FILE = "dataset.jsonl"
_LOCK_FILE = ".lock"


class RunFolder:
    """An open run folder, held by one process at a time. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None
        self.ledger: Ledger

    def __enter__(self) -> Self:
        refuse_foreign(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.path / _LOCK_FILE, "a+")
        except OSError as error:
            raise BackendError(
                f"The folder {self.path} cannot be written: {error.strerror}.", "Choose another --out."
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise RunRefused(
                f"Another process is working on {self.path}.",
                "Wait for it, stop it, or choose another --out.",
            ) from error
        try:
            self.ledger = Ledger(self.path)
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.ledger.close()
        except SynthError:
            if error is None:
                raise
        finally:
            if self._lock is not None:
                self._lock.close()

    def claim(self, config: RunConfig, identity: dict[str, Any]) -> bool:
        """Make the folder a run of this identity, or check that it is one; true if it was.

        Raises:
            RunRefused: as `check_start`, which knew nothing of a process that came in between.
        """
        resumed = _check(self.path, config.resume, self.ledger, identity)
        self.freeze(config, identity)
        return resumed

    def freeze(self, config: RunConfig, identity: dict[str, Any]) -> None:
        """Write down what this run is; `config.yaml` is the copy for people, and what goes on with the run.

        So `resume` is not kept: it is said of one start, and `never` would refuse every later one.
        """
        for section in ("llm_settings", "render_settings"):
            settings = getattr(config, section)
            if settings.base_url:  # runs are shared: a login in the address must not be
                settings = settings.model_copy(update={"base_url": without_login(settings.base_url)})
                config = config.model_copy(update={section: settings})
        self.ledger.set_meta("identity", identity)
        self.ledger.set_meta("config", config.model_dump(mode="json", exclude={"resume"}))
        self.ledger.flush()
        frozen = yaml.safe_dump(config.model_dump(mode="json", exclude={"resume"}, exclude_none=True), sort_keys=False)
        with whole_file(self.path / CONFIG_FILE) as file:
            file.write(frozen.encode())


def without_login(url: str) -> str:
    """An address without `user:password@`."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def check_start(config: RunConfig, identity: dict[str, Any]) -> bool:
    """Whether the folder of `config` is a run to go on with; looks, but touches nothing.

    Raises:
        RunRefused: the folder holds something else, `resume` forbids what it is, or the run that it is
            has another identity.
    """
    path = config.folder
    refuse_foreign(path)
    ledger = Ledger(path, read_only=True) if is_run(path) else None
    return _check(path, config.resume, ledger, identity)


def _check(path: Path, resume: str, ledger: Ledger | None, identity: dict[str, Any]) -> bool:
    """Whether the ledger is that of a run; refuse where this start does not fit it.

    A run that has made nothing yet, because its first request failed, may become another one.
    """
    old = ledger.meta("identity") if ledger else None
    if ledger is None or old is None:
        if resume == "always":
            raise RunRefused(
                f"{path} is not a run, and --resume always was asked for.",
                "Use --resume auto, or give the folder of the run with --out.",
            )
        return False
    if resume == "never":
        raise RunRefused(
            f"{path} is already a run, and --resume never was asked for.",
            "Choose another --out, or remove the folder.",
        )
    changed = differences(old, identity)
    if changed and ledger.ids("", limit=1):
        raise RunRefused(
            f"{path} is a run with other settings:\n  " + "\n  ".join(changed),
            "Use the same settings to go on with it, or choose another --out for a new run.",
        )
    return True


def refuse_foreign(path: Path) -> None:
    """Never write a run into a folder that holds something else."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise RunRefused(f"--out {str(path)!r} is no name in UTF-8.", "Choose another --out.") from error
    if path.is_file():
        raise RunRefused(f"{path} is a file, not a folder.", "Choose another --out.")
    if path.is_dir() and not is_run(path):
        others = sorted(one.name for one in path.iterdir() if one.name != _LOCK_FILE)
        if others:
            raise RunRefused(
                f"{path} is not empty and not a run: it holds {', '.join(others[:3])}.",
                "Choose another --out, or an empty folder.",
            )


def open_existing(path: Path) -> RunFolder:
    """The run folder at `path`; an error if it is not one."""
    require_run(path)
    return RunFolder(path)


def require_run(path: Path) -> None:
    if not path.exists():
        raise RunRefused(f"There is no folder {path}.", "Give the folder of a run, e.g. runs/abnormal-s0.")
    if not is_run(path):
        raise RunRefused(f"{path} is not a run: it has no ledger.", "Runs are made by 'synth generate'; see its --out.")


def holder(path: Path) -> int | None:
    """The process of this machine that works on the run, or None; takes no lock to find out."""
    try:
        file = (path / _LOCK_FILE).stat()
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        # "1: FLOCK  ADVISORY  WRITE 4711 08:01:131074 0 EOF"
        parts = line.split()
        same = len(parts) >= 6 and parts[1] == "FLOCK" and parts[5].rpartition(":")[2] == str(file.st_ino)
        if same and _has_open(parts[4], file):
            return int(parts[4])
    return None


def _has_open(process: str, file: os.stat_result) -> bool:
    """Whether a process that locks a file with this inode means this file, and not one of another device.

    The device in `/proc/locks` would tell, but on btrfs it is another than that of `stat`. A process of which
    nothing can be seen (somebody else's, or in another container) is believed.
    """
    try:
        return any(os.path.samestat(one.stat(), file) for one in Path(f"/proc/{process}/fd").iterdir() if one.exists())
    except OSError:
        return True


def frozen_config(ledger: Ledger) -> RunConfig:
    """The configuration a run was last started with."""
    data = ledger.meta("config")
    if data is None:
        raise RunRefused(f"{ledger.path} holds no configuration.", "The run never started; generate again.")
    try:
        return RunConfig.model_validate(data)
    except ValidationError as error:
        key = dotted(error.errors()[0]["loc"])
        raise RunRefused(
            f"{ledger.path} holds settings that this synth {__version__} does not understand, e.g. '{key}'.",
            "Use the version of synth that made the run, or a newer one.",
        ) from error
