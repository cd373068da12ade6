"""What the tests of backends share: an endpoint to talk to, tiny pipelines to draw with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from endpoint import Endpoint


@pytest.fixture
async def endpoint():
    one = Endpoint()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", one)
    one.server = TestServer(app)
    await one.server.start_server()
    yield one
    await one.server.close()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a pipeline of each family, built once."""
    from pipelines import FAMILIES

    folder = tmp_path_factory.mktemp("models")
    return {name: build(folder / name) for name, build in FAMILIES.items()}


@pytest.fixture
def one_thread() -> Iterator[None]:
    """More threads are slower for tiny models."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of model files are remembered, but not in the user's cache."""
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
