"""The diffusers renderer. Several devices: a process for each, and what happens when one of them ends."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusing
import pytest
import torch
from diffusing import TOLERANCE, apart, ask, made, started
from PIL import Image

from synth.backends import device as machine
from synth.backends.device import Device
from synth.backends.render.base import Rendered, RenderRequest, RenderSettings
from synth.backends.render.diffusers import Diffusers, placement, worker
from synth.backends.render.diffusers.worker import Worker, _environment
from synth.errors import BackendError, SynthError
from tests.doubles import pictures, rows, run

pytestmark = diffusing.MARKS
TWO = ["cpu", "cpu"]


@pytest.fixture(scope="module")
def two(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diffusers]:
    before = os.environ.get("SYNTH_CACHE")
    os.environ["SYNTH_CACHE"] = str(tmp_path_factory.getbasetemp() / "cache")
    renderer = started(models["sd15"], device=TWO)
    yield renderer
    renderer.close()
    renderer.close()
    os.environ.pop("SYNTH_CACHE") if before is None else os.environ.update(SYNTH_CACHE=before)


def workers(renderer: Diffusers) -> list[Worker]:
    assert all(isinstance(one, Worker) for one in renderer._painters)
    return renderer._painters  # type: ignore[return-value]


def test_which_process_draws_a_picture_does_not_matter(two: Diffusers, models: dict[str, Path]) -> None:
    alone = started(models["sd15"])
    assert alone.identity() == two.identity()
    assert (alone.workers, two.workers) == (1, 2)
    assert len({one.pid for one in workers(two)} | {os.getpid()}) == 3
    halves = [[ask(two, seed=seed) for seed in range(start, start + 3)] for start in (0, 3)]
    with ThreadPoolExecutor(2) as pool:
        found = [picture for half in pool.map(two.render, halves) for picture in half]
    expected = [picture for half in halves for picture in alone.render(half)]
    assert max(map(apart, found, expected)) <= TOLERANCE
    assert all(apart(found[0], other) > 10 for other in found[1:])


def test_the_picture_before_travels_to_the_process(two: Diffusers, models: dict[str, Path]) -> None:
    alone, before = started(models["sd15"]), Image.linear_gradient("L")
    asked = [ask(two, previous=before, strength=0.5), ask(two)]
    found = two.render(asked)
    assert max(map(apart, found, alone.render(asked))) <= TOLERANCE
    assert apart(*found) > 10


def test_the_error_of_one_prompt_comes_back_and_the_process_goes_on(two: Diffusers) -> None:
    wrong = [RenderRequest("a red fox", ("a red fox",), "", 1, 63, 63)]  # not a size of this model
    with pytest.raises(RuntimeError, match="ValueError: `height` and `width`"):
        two.render(wrong)
    assert all(one.paint([ask(two)])[0].image.size == two.size for one in workers(two))


def answering(answer: Any) -> Worker:
    """A worker whose process says this."""
    one = Worker("cuda:1", None)  # type: ignore[arg-type]
    one._pipe = SimpleNamespace(recv=lambda: answer, close=lambda: None)  # type: ignore[assignment]
    return one


def test_what_is_wrong_with_a_model_is_said_with_its_fix(models: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(models["sd15"], folder)
    file = folder / "unet/diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    one = made(folder)
    job = worker.Job(one._source, one._recipe, one._device, None, False, 1)
    said = pickle.loads(pickle.dumps(worker._tried(lambda: worker._painter(job))))
    with pytest.raises(BackendError, match=r"cuda:1: .* has a damaged weight file") as error:
        answering(said).ready()
    assert str(file) in error.value.message and "again" in error.value.fix


def test_where_one_process_cannot_start_none_is_left(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[Worker] = []
    closed: list[Worker] = []
    monkeypatch.setattr(Worker, "start", lambda self: began.append(self))
    monkeypatch.setattr(Worker, "close", lambda self: closed.append(self))

    def ready(self: Worker) -> None:
        if self is began[-1]:
            raise BackendError("no room")

    monkeypatch.setattr(Worker, "ready", ready)
    renderer = made(models["sd15"], device=TWO)
    with pytest.raises(BackendError, match="no room"):
        renderer.start()
    assert len(began) == 2 and closed == began and not renderer._painters


@pytest.mark.slow
def test_a_process_that_is_killed_stops_the_run_which_goes_on_with_other_processes(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generate(out: Path, **settings: Any) -> Any:
        settings = {"steps": 2, "batch_size": 4, **settings}
        return run(out, 10, renderer=f"diffusers:{models['sd15']}", render_settings=settings)

    generate(tmp_path / "whole")
    original, calls = Worker.paint, []

    def dies(self: Worker, requests: Sequence[RenderRequest]) -> list[Rendered]:
        calls.append(len(requests))
        if len(calls) == 3:
            assert self.pid is not None
            os.kill(self.pid, signal.SIGKILL)
        return original(self, requests)

    start, processes = Worker.start, []
    monkeypatch.setattr(Worker, "start", lambda self: (start(self), processes.append(self._process)))
    monkeypatch.setattr(Worker, "paint", dies)
    with pytest.raises(BackendError, match="process on cpu was ended by SIGKILL") as error:
        generate(tmp_path / "killed", device=TWO)
    assert "what was committed is kept" in error.value.fix
    assert sorted(one.returncode for one in processes) == [-9, 0]  # the other one ended by itself
    before = pictures(tmp_path / "killed")
    assert len(before) < 10
    generate(tmp_path / "killed")  # one process: another number is no other run
    after = pictures(tmp_path / "killed")
    assert {path: after[path] for path in before} == before
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")


def test_warnings_of_a_process_are_the_parents() -> None:
    answer = worker._tried(lambda: warnings.warn("out of memory with 8 pictures at once", stacklevel=1))
    with pytest.warns(UserWarning, match="cuda:1: out of memory with 8 pictures"):
        answering(answer).ready()


# -- placement ----------------------------------------------------------------------------------


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three, of which the last is small and old."""
    memory, capability = (80e9, 48e9, 11e9), ((9, 0), (8, 6), (7, 5))
    monkeypatch.setattr(machine, "find", lambda: Device("cuda", "Fine GPU", "2.13", memory=80.0))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda n: SimpleNamespace(total_memory=memory[n]))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda n: capability[n])


@pytest.mark.parametrize(
    ("wanted", "places", "memory", "bfloat16"),
    [
        (None, ("cuda:0", "cuda:1", "cuda:2"), 11, False),
        ("cuda", ("cuda:0", "cuda:1", "cuda:2"), 11, False),
        ("cuda:1", ("cuda:1",), 48, True),
        (["cuda:0", "cuda:1"], ("cuda:0", "cuda:1"), 48, True),
        ("cpu", ("cpu",), 0, True),
        (TWO, ("cpu", "cpu"), 0, True),
    ],
)
def test_names_of_devices(gpus: None, wanted: Any, places: Any, memory: float, bfloat16: bool) -> None:
    found, names = placement.place(RenderSettings(device=wanted).device)
    assert (names, found.memory, found.bfloat16) == (places, memory, bfloat16)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["gpu"], "'gpu' is no device"),
        (["cuda:0", "cuda:-1"], "'cuda:-1' is no device"),
        (["cuda:0", "cpu"], "GPUs and CPU together"),
        (["cuda:0", "cuda:3"], "no cuda:3; torch sees 3 GPUs"),
    ],
)
def test_devices_that_are_not_there(gpus: None, wanted: Any, message: str) -> None:
    with pytest.raises(SynthError, match=message):
        placement.place(wanted)


def test_without_a_gpu_the_cpu_is_the_one_device(models: dict[str, Path]) -> None:
    assert made(models["sd15"]).workers == 1
    assert json.dumps(made(models["sd15"], device=TWO).identity()) == json.dumps(made(models["sd15"]).identity())


def test_a_process_sees_its_own_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert _environment("cuda:2")["CUDA_VISIBLE_DEVICES"] == "2"
    assert "CUDA_VISIBLE_DEVICES" not in _environment("cpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 5,7")
    assert [_environment(f"cuda:{n}")["CUDA_VISIBLE_DEVICES"] for n in range(3)] == ["4", "5", "7"]
