"""The endpoint fixture of the language model tests."""

from __future__ import annotations

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
