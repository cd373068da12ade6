"""A misbehaving endpoint, for language models and for pictures, and requests to a language model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from synth.backends.llm.base import ChatRequest, SharedPrompt
from synth.records import Entry

Answer = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]

WRITE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "normal": {"type": "string", "minLength": 1, "maxLength": 120},
        "keywords": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 90},
            "minItems": 4,
            "maxItems": 8,
        },
    },
    "required": ["normal", "keywords"],
    "additionalProperties": False,
}


def make_request(message: str = "Subject: giraffe", seed: int = 7, **changes: Any) -> ChatRequest:
    values: dict[str, Any] = {
        "shared": SharedPrompt([{"role": "system", "content": "You write prompts about animals. äß"}]),
        "message": message,
        "schema": WRITE_SCHEMA,
        "seed": seed,
        "max_tokens": 64,
        "temperature": 0.7,
        "top_p": 0.95,
        "step": "write",
        "plan": {
            "subject": Entry(text="giraffe", facts={"place": "open grassland"}),
            "oddity": Entry(text="made of knitted wool"),
        },
    }
    return ChatRequest(**{**values, **changes})


def completion(content: Any = '{"keywords": ["a"]}', **message: Any) -> dict[str, Any]:
    return {
        "choices": [
            {
                "finish_reason": message.pop("finish_reason", "stop"),
                "message": {"content": content, **message},
            }
        ],
        "usage": {
            "prompt_tokens": 50,
            "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 40},
        },
    }


class Endpoint:
    """A local endpoint that answers with `script`, one entry per request, the last one from then on."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.server: TestServer | None = None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(request.headers)
        answer = self.script[min(len(self.bodies), len(self.script)) - 1]
        return await answer(request, body)

    @property
    def url(self) -> str:
        assert self.server is not None
        return str(self.server.make_url("/v1"))


def says(data: Any, status: int = 200, **headers: str) -> Answer:
    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(data, bytes):
            return web.Response(body=data, status=status, headers=named)
        return web.json_response(data, status=status, headers=named)

    return answer
