"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from synth import files
from synth.backends.render.base import RenderSettings
from synth.backends.render.preview import Preview
from synth.errors import BackendError
from synth.files import whole_file
from synth.machine import usable_cores


def test_a_file_is_the_old_one_until_it_is_the_new_one(tmp_path: Path) -> None:
    target = tmp_path / "new" / "x.txt"
    with whole_file(target, new_folders=True) as file:
        file.write(b"one")
        assert not target.exists()
    with pytest.raises(ZeroDivisionError), whole_file(target) as file:
        file.write(b"two")
        raise ZeroDivisionError
    assert target.read_bytes() == b"one"
    assert os.listdir(target.parent) == ["x.txt"]


def test_a_full_disk_is_explained_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(BackendError, match="No space left on device"), whole_file(tmp_path / "x") as file:
        file.write(b"one")
    assert not list(tmp_path.iterdir())


def test_previews_are_drawn_by_the_cores_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    assert usable_cores() == Preview.create("", RenderSettings()).workers == 1
